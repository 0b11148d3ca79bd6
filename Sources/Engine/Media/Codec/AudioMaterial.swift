// SPDX-License-Identifier: Apache-2.0

/// Audio to play, encoded once for every codec and shared by all streams that play it; it repeats without end.
public struct AudioMaterial: Sendable {
    /// Samples in which every packet length of `SessionDescription.packetLengths` divides: 120 ms at 8 kHz.
    static var grain: Int { 960 }

    private let muLaw: [UInt8]
    private let aLaw: [UInt8]

    /// Encodes 8 kHz samples; silence is added so that whole packets fit.
    public init(samples: [Int16]) {
        let count = max(Self.grain, (samples.count + Self.grain - 1) / Self.grain * Self.grain)
        let padded = samples + [Int16](repeating: 0, count: count - samples.count)
        muLaw = padded.map(G711.encodeMuLaw)
        aLaw = padded.map(G711.encodeALaw)
    }

    /// Length in samples.
    public var count: Int { muLaw.count }

    /// Copies `bytes.count` bytes of the repeating material, from `position` on, into `bytes`. Positions and counts are
    /// multiples of the packet length, so that no packet crosses the end.
    func copy(_ codec: AudioCodec, at position: Int, into bytes: UnsafeMutableRawBufferPointer) {
        switch codec {
        case .pcmu: muLaw.withUnsafeBytes { Self.copy($0, at: position, into: bytes) }
        case .pcma: aLaw.withUnsafeBytes { Self.copy($0, at: position, into: bytes) }
        }
    }

    private static func copy(
        _ source: UnsafeRawBufferPointer, at position: Int, into bytes: UnsafeMutableRawBufferPointer
    ) {
        let start = position % source.count
        let length = min(bytes.count, source.count - start)
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + length]))
    }
}

extension AudioMaterial {
    /// Digital silence.
    public static func silence() -> AudioMaterial { AudioMaterial(samples: []) }

    /// A sine tone; the length is chosen so that whole periods of `hertz` (a multiple of 25/3) fit and no click is heard.
    public static func tone(hertz: Double = 1000, amplitude: Double = 8000) -> AudioMaterial {
        var oscillator = Oscillator(hertz: hertz)
        return AudioMaterial(samples: (0..<grain).map { _ in Int16(amplitude * oscillator.next()) })
    }

    /// Four seconds of something that behaves like speech to a network and to level meters: a gliding voice of eight
    /// harmonics in syllables of about 200 ms, with a pause of 700 ms at the end.
    public static func speechLike() -> AudioMaterial {
        let total = 4 * 8000 / grain * grain
        let voiced = total - 5600
        var harmonics = (1...8).map { Oscillator(hertz: 125 * Double($0)) }
        var glide = Oscillator(hertz: 0.8)
        var syllable = Oscillator(hertz: 2.5)
        return AudioMaterial(
            samples: (0..<total).map { index in
                let envelope = syllable.next()
                let formant = 2.5 + 1.5 * glide.next()
                guard index < voiced else { return 0 }
                var sum = 0.0
                for number in harmonics.indices {
                    let distance = Double(number + 1) - formant
                    sum += harmonics[number].next() / (1 + distance * distance)
                }
                return Int16(5000 * envelope * envelope * sum)
            })
    }
}

/// A sine wave at 8 kHz by rotating a vector: the engine has no mathematics library.
struct Oscillator {
    private var sine = 0.0
    private var cosine = 1.0
    private let stepSine: Double
    private let stepCosine: Double

    /// A wave of 0…4000 hertz that begins at zero.
    init(hertz: Double) {
        // Taylor series for one step's angle, at most pi: 24 terms are exact to the last bit.
        let angle = 2 * Double.pi * hertz / 8000
        var term = 1.0
        var sums = (sine: 0.0, cosine: 0.0)
        for power in 0..<24 {
            switch power % 4 {
            case 0: sums.cosine += term
            case 1: sums.sine += term
            case 2: sums.cosine -= term
            default: sums.sine -= term
            }
            term *= angle / Double(power + 1)
        }
        stepSine = sums.sine
        stepCosine = sums.cosine
    }

    /// The next sample, -1…1.
    mutating func next() -> Double {
        let value = sine
        sine = value * stepCosine + cosine * stepSine
        cosine = cosine * stepCosine - value * stepSine
        return max(-1, min(1, value))
    }
}
