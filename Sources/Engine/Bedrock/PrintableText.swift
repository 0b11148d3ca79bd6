// SPDX-License-Identifier: Apache-2.0

extension String {
    /// What came from elsewhere, as text that is safe to show: see `printable`. Bytes that are no UTF-8 become U+FFFD.
    public init(printable bytes: some Collection<UInt8>) { self = String(decoding: bytes, as: UTF8.self).printable }

    /// The text with each character that shows nothing, or moves or restyles what is shown, written as its number: `\u{1B}`.
    ///
    /// Controls (a terminal acts on them), characters that turn the direction of writing, and line and paragraph separators are
    /// among them, the space U+0020 is not. A text without them is given back as it is.
    public var printable: String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isUnprintable {
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var isUnprintable: Bool {
        if isASCII { return value < 0x20 || value == 0x7F }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: return true
        default: return false
        }
    }
}
