/// A key of an object, compared byte for byte.
struct JSONKey: Hashable {
    private let text: String

    init(_ text: String) { self.text = text }

    static func == (a: JSONKey, b: JSONKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// The positions of an object's keys, to find duplicates without a linear search.
struct JSONKeyPlaces {
    private var places: [JSONKey: Int] = [:]

    /// The position of `key` among `members`, which are those of earlier calls plus appended ones.
    mutating func place(of key: String, among members: [JSONObject.Member]) -> Int? {
        guard members.count > 8 else { return members.firstIndex { $0.isCalled(key) } }
        for place in places.count..<members.count { places[JSONKey(members[place].key)] = place }
        return places[JSONKey(key)]
    }
}
