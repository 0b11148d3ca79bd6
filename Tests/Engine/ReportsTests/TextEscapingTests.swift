// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Reports

@Suite struct TextEscapingTests {
    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""), ("two\r\nlines", "\"two\r\nlines\""),
    ]) func `a CSV field is quoted where it must be`(text: String, field: String) {
        #expect(TextEscaping.csv(text) == field)
    }

    @Test func `markup and characters that XML forbids are made harmless`() {
        #expect(
            TextEscaping.xml("<a href=\"x\">Tom & 'Jerry'</a>")
                == "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt;")
        #expect(TextEscaping.xml("a\u{0}b\u{1B}[31m\tc\n") == "a\u{FFFD}b\u{FFFD}[31m\tc\n")
    }
}
