// SPDX-License-Identifier: Apache-2.0

/// A value that must not be seen: printed, interpolated, dumped or mirrored, alone or within another value, it shows nothing of itself.
///
/// For keys and tokens that have to be copied; passwords are noncopyable (`LockedMemory` and what is made of it) and cannot be printed at
/// all, because everything that prints takes a copy. A type of this kind never conforms to `Encodable`.
public protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Redacted {
    /// The same word for every value.
    public var description: String { "<redacted>" }
    /// The same word for every value.
    public var debugDescription: String { description }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: [], ancestorRepresentation: .suppressed) }
}
