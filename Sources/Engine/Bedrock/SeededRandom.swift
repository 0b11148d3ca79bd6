// SPDX-License-Identifier: Apache-2.0

/// The engine's only source of chance: xoshiro256** (Blackman and Vigna, 2018), seeded by the driver.
///
/// The same seed gives the same run. It is not for keys; drivers seed it from the system's source, so that branches, tags and
/// cnonces cannot be guessed by other hosts.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    @usableFromInline var s0: UInt64
    @usableFromInline var s1: UInt64
    @usableFromInline var s2: UInt64
    @usableFromInline var s3: UInt64

    /// A generator whose whole sequence follows from `seed`.
    public init(seed: UInt64) {
        var state = seed
        func next() -> UInt64 {  // splitmix64, the seeding its authors recommend
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        s0 = next()
        s1 = next()
        s2 = next()
        s3 = next()
    }

    /// The next 64 bits.
    @inlinable public mutating func next() -> UInt64 {
        let result = Self.rotate(s1 &* 5, 7) &* 9
        let t = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = Self.rotate(s3, 45)
        return result
    }

    @inlinable static func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 &- k)) }

    /// True with the given probability (0…1).
    public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// A number in 0..<1 with 53 bits.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// An independent generator for a part of the program, so that one part's draws do not shift another's.
    public mutating func fork() -> SeededRandom { SeededRandom(seed: next()) }
}
