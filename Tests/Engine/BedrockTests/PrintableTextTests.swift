// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: ["", "Not Found", "Zufällig belegt", "着信拒否", "say \"no\"", "a\\u{1B}", "naïve ☎ 😀"])
    func `what can be read stays as it is`(text: String) {
        #expect(text.printable == text)
        #expect(String(printable: text.utf8) == text)
    }

    @Test(arguments: [
        ("\u{1B}[2J\u{1B}]0;x\u{7}", "\\u{1B}[2J\\u{1B}]0;x\\u{7}"), ("a\r\nb\tc", "a\\u{D}\\u{A}b\\u{9}c"),
        ("\u{0}\u{7F}", "\\u{0}\\u{7F}"), ("\u{9B}31m", "\\u{9B}31m"), ("abc\u{202E}fed", "abc\\u{202E}fed"),
        ("\u{2028}\u{2029}\u{200B}\u{E000}", "\\u{2028}\\u{2029}\\u{200B}\\u{E000}"),
    ])
    func `what a terminal would act on, or hide, is shown as its number`(text: String, shown: String) {
        #expect(text.printable == shown)
        #expect(String(printable: text.utf8) == shown)
    }

    @Test func `bytes that are no UTF-8 are shown as replaced, a control among them as its number`() {
        #expect(String(printable: [0x41, 0x9B, 0xFF, 0x1B, 0x42]) == "A\u{FFFD}\u{FFFD}\\u{1B}B")
    }
}
