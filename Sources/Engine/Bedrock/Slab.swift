// SPDX-License-Identifier: Apache-2.0

/// Names a value in a `Slab`; goes stale when the value is removed, even if its place is used again.
public struct SlabHandle: Hashable, Sendable {
    /// The place in the slab.
    public let index: UInt32
    /// How often the place had been emptied when the handle was made.
    public let generation: UInt32

    /// A handle from its parts; only useful with the slab that gave them.
    @inlinable public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// Values in stable places, each reached by a handle that notices when its value is gone.
public struct Slab<Element> {
    @usableFromInline struct Place {
        @usableFromInline var element: Element?
        @usableFromInline var generation: UInt32
        @usableFromInline init(element: Element?, generation: UInt32) {
            self.element = element
            self.generation = generation
        }
    }

    @usableFromInline var places: [Place] = []
    @usableFromInline var vacant: [UInt32] = []

    /// An empty slab.
    @inlinable public init() {}

    /// How many values it holds.
    @inlinable public var count: Int { places.count - vacant.count }
    /// Whether it holds nothing.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Puts a value in and names its place.
    @inlinable public mutating func insert(_ element: Element) -> SlabHandle {
        if let index = vacant.popLast() {
            places[Int(index)].element = element
            return SlabHandle(index: index, generation: places[Int(index)].generation)
        }
        places.append(Place(element: element, generation: 0))
        return SlabHandle(index: UInt32(places.count - 1), generation: 0)
    }

    /// The value of a handle, nil when it is gone. Writing nil through it is a programmer's error: use `remove`.
    @inlinable public subscript(handle: SlabHandle) -> Element? {
        get {
            guard Int(handle.index) < places.count, places[Int(handle.index)].generation == handle.generation else {
                return nil
            }
            return places[Int(handle.index)].element
        }
        _modify {
            precondition(contains(handle), "a stale handle must not be written through")
            yield &places[Int(handle.index)].element
        }
    }

    /// Whether the handle's value is still there.
    @inlinable public func contains(_ handle: SlabHandle) -> Bool {
        Int(handle.index) < places.count && places[Int(handle.index)].generation == handle.generation
            && places[Int(handle.index)].element != nil
    }

    /// Takes the value out; its handle is stale from then on.
    @discardableResult
    @inlinable public mutating func remove(_ handle: SlabHandle) -> Element? {
        guard contains(handle) else { return nil }
        let index = Int(handle.index)
        let element = places[index].element.take()
        places[index].generation &+= 1
        vacant.append(handle.index)
        return element
    }

    /// The handles of all values, by place.
    public var handles: [SlabHandle] {
        places.indices.compactMap { index in
            places[index].element == nil
                ? nil : SlabHandle(index: UInt32(index), generation: places[index].generation)
        }
    }
}

extension Slab: Sendable where Element: Sendable {}
extension Slab.Place: Sendable where Element: Sendable {}
