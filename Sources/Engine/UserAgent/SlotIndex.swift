// SPDX-License-Identifier: Apache-2.0

/// Places of endpoints by number: an array, since the numbers of a run are dense; a table for those far out.
struct SlotIndex {
    /// Numbers below this stand in the array, four bytes each.
    private static let dense: UInt64 = 1 << 22

    private var places: [Int32] = []
    private var others: [UInt64: Int] = [:]

    /// The place of a number, nil when it has none.
    subscript(number: UInt64) -> Int? {
        get {
            guard number < Self.dense else { return others[number] }
            guard number < UInt64(places.count) else { return nil }
            let place = places[Int(number)]
            return place < 0 ? nil : Int(place)
        }
        set {
            guard number < Self.dense else { return others[number] = newValue }
            while UInt64(places.count) <= number { places.append(-1) }
            places[Int(number)] = newValue.map { Int32($0) } ?? -1
        }
    }
}
