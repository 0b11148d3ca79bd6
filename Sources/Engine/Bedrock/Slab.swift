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
///
/// Values are read and changed where they are: `slab[handle]?.field` copies the field, not the value with all that it refers to,
/// which an array of values would.
public struct Slab<Element> {
    @usableFromInline struct Place {
        @usableFromInline var element: Element?
        @usableFromInline var generation: UInt32
        @usableFromInline init(element: Element?, generation: UInt32) {
            self.element = element
            self.generation = generation
        }
    }

    /// The places in raw memory. Copied before it is changed when two slabs share it, so a slab is a value like an array.
    @usableFromInline final class Storage {
        @usableFromInline let base: UnsafeMutablePointer<Place>
        @usableFromInline let capacity: Int
        @usableFromInline var count: Int

        @usableFromInline init(capacity: Int) {
            base = .allocate(capacity: capacity)
            self.capacity = capacity
            count = 0
        }

        deinit {
            base.deinitialize(count: count)
            base.deallocate()
        }
    }

    @usableFromInline var storage = Storage(capacity: 0)
    @usableFromInline var vacant: [UInt32] = []

    /// An empty slab.
    @inlinable public init() {}

    /// How many values it holds.
    @inlinable public var count: Int { storage.count - vacant.count }
    /// Whether it holds nothing.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Puts a value in and names its place.
    @inlinable public mutating func insert(_ element: Element) -> SlabHandle {
        if let index = vacant.popLast() {
            makeUnique(room: 0)
            storage.base[Int(index)].element = element
            return SlabHandle(index: index, generation: storage.base[Int(index)].generation)
        }
        makeUnique(room: 1)
        let index = storage.count
        (storage.base + index).initialize(to: Place(element: element, generation: 0))
        storage.count = index + 1
        return SlabHandle(index: UInt32(index), generation: 0)
    }

    /// The value of a handle, nil when it is gone. Writing nil through it is a programmer's error: use `remove`.
    @inlinable public subscript(handle: SlabHandle) -> Element? {
        _read {
            let index = Int(handle.index)
            if index < storage.count, storage.base[index].generation == handle.generation {
                yield storage.base[index].element
            } else {
                yield nil
            }
        }
        _modify {
            precondition(contains(handle), "a stale handle must not be written through")
            makeUnique(room: 0)
            yield &storage.base[Int(handle.index)].element
        }
    }

    /// Whether the handle's value is still there.
    @inlinable public func contains(_ handle: SlabHandle) -> Bool {
        let index = Int(handle.index)
        return index < storage.count && storage.base[index].generation == handle.generation
            && storage.base[index].element != nil
    }

    /// Takes the value out; its handle is stale from then on.
    @discardableResult
    @inlinable public mutating func remove(_ handle: SlabHandle) -> Element? {
        guard contains(handle) else { return nil }
        makeUnique(room: 0)
        let index = Int(handle.index)
        let element = storage.base[index].element.take()
        storage.base[index].generation &+= 1
        vacant.append(handle.index)
        return element
    }

    /// The handles of all values, by place.
    public var handles: [SlabHandle] {
        (0..<storage.count).compactMap { index in
            storage.base[index].element == nil
                ? nil : SlabHandle(index: UInt32(index), generation: storage.base[index].generation)
        }
    }

    /// Sees to it that the places are this slab's alone and that so many more have room.
    @inlinable mutating func makeUnique(room: Int) {
        let needed = storage.count + room
        if needed <= storage.capacity, isKnownUniquelyReferenced(&storage) { return }
        replaceStorage(capacity: needed)
    }

    @usableFromInline mutating func replaceStorage(capacity needed: Int) {
        let isAlone = isKnownUniquelyReferenced(&storage)
        let old = storage
        let new = Storage(capacity: needed <= old.capacity ? old.capacity : max(needed, 2 * old.capacity, 8))
        if isAlone {
            new.base.moveInitialize(from: old.base, count: old.count)
        } else {
            new.base.initialize(from: old.base, count: old.count)
        }
        new.count = old.count
        if isAlone { old.count = 0 }
        storage = new
    }
}

// A slab shared between two owners is copied before either changes it, and reading changes nothing.
extension Slab: @unchecked Sendable where Element: Sendable {}
