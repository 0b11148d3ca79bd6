// SPDX-License-Identifier: Apache-2.0

@main struct Simulate {
    static func main() {}
}
