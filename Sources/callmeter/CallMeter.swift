// SPDX-License-Identifier: Apache-2.0

@main struct CallMeter {
    static func main() {}
}
