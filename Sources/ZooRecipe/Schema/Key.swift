import ZooData

/// One declaration of a key of a mapping, from which its reading, writing, default and documentation follow.
///
/// ```swift
/// Key("learning_rate", \.learningRate, .positive(to: 1000), "Peak learning rate.")
/// ```
package struct Key<Whole: Sendable>: Sendable {
    typealias Path<Value> = WritableKeyPath<Whole, Value> & Sendable
    typealias Part = (key: String, node: RecipeNode?)

    /// The key; several where exactly one, or at most one, of them is given.
    var keys: [KeyDescription]
    var read: @Sendable (inout Whole, Section) throws -> Void
    /// Nothing for a key that is left out.
    var write: @Sendable (Whole) -> [Part]

    /// A key by hand.
    init(
        keys: [KeyDescription], read: @escaping @Sendable (inout Whole, Section) throws -> Void,
        write: @escaping @Sendable (Whole) -> [Part]
    ) {
        (self.keys, self.read, self.write) = (keys, read, write)
    }

    /// A key of its own; its default is the value of the mapping's type, and empty values are not written.
    ///
    /// - Parameters:
    ///   - null: what the key means without a value; nil: the default.
    ///   - standard: the default in words.
    init<Value: Sendable>(
        _ name: String, _ path: Path<Value>, _ codec: Codec<Value>, isRequired: Bool = false, null: Value? = nil,
        standard: String? = nil, _ doc: String
    ) {
        let shape = null == nil ? codec.shape : .either([codec.shape, .null])
        keys = [KeyDescription(name: name, shape: shape, isRequired: isRequired, standard: standard, doc: doc)]
        read = { whole, section in
            if let null, section.isNull(name) { whole[keyPath: path] = null }
            if isRequired {
                whole[keyPath: path] = try section.required(name, codec)
            } else if let value = try section.optional(name, codec) {
                whole[keyPath: path] = value
            }
        }
        write = { whole in
            let node = codec.write(whole[keyPath: path])
            return [(name, node.isEmpty ? nil : node)]
        }
    }

    /// A key that may be left out.
    init<Value>(
        _ name: String, optional path: Path<Value?>, _ codec: Codec<Value>, standard: String? = nil, _ doc: String
    ) {
        keys = [KeyDescription(name: name, shape: codec.shape, standard: standard, doc: doc)]
        read = { whole, section in whole[keyPath: path] = try section.optional(name, codec) }
        write = { whole in [(name, whole[keyPath: path].map(codec.write))] }
    }

    /// A mapping whose keys belong to the same value, written where the condition holds.
    init(
        _ name: String, _ schema: Schema<Whole>, isRequired: Bool = false, standard: String? = nil, _ doc: String,
        where isGiven: @escaping @Sendable (Whole) -> Bool = { _ in true }
    ) {
        keys = [KeyDescription(name: name, shape: schema.shape, isRequired: isRequired, standard: standard, doc: doc)]
        read = { whole, section in
            let codec = schema.codec(from: whole)
            if isRequired {
                whole = try section.required(name, codec)
            } else if let value = try section.optional(name, codec) {
                whole = value
            }
        }
        write = { whole in [(name, isGiven(whole) ? schema.node(whole) : nil)] }
    }

    /// Exactly one of several keys.
    init<Value>(oneOf choices: [KeyChoice<Value>], _ path: Path<Value>) {
        keys = choices.map { choice in
            var key = choice.key
            key.isRequired = true
            return key
        }
        read = { whole, section in whole[keyPath: path] = try choices.read(section) }
        write = { whole in choices.write(whole[keyPath: path]) }
    }

    /// At most one of several keys.
    init<Value>(anyOf choices: [KeyChoice<Value>], _ path: Path<Value?>) {
        keys = choices.map(\.key)
        read = { whole, section in
            let names = choices.map(\.key.name)
            whole[keyPath: path] = section.keys.contains(where: names.contains) ? try choices.read(section) : nil
        }
        write = { whole in whole[keyPath: path].map(choices.write) ?? [] }
    }

    /// The key where the condition holds; elsewhere it is unknown.
    func when(_ condition: @escaping @Sendable (Whole) -> Bool) -> Key {
        Key(keys: keys) { whole, section in
            if condition(whole) { try read(&whole, section) }
        } write: {
            condition($0) ? write($0) : []
        }
    }

    /// The key, written only where the condition holds.
    func written(when condition: @escaping @Sendable (Whole) -> Bool) -> Key {
        Key(keys: keys, read: read) { condition($0) ? write($0) : [] }
    }

    /// The key of a part as a key of the whole.
    func within<Larger>(_ path: WritableKeyPath<Larger, Whole> & Sendable) -> Key<Larger> {
        Key<Larger>(keys: keys) { larger, section in
            try read(&larger[keyPath: path], section)
        } write: {
            write($0[keyPath: path])
        }
    }
}

/// One of several keys, each of which gives a value in its own way.
package struct KeyChoice<Value: Sendable>: Sendable {
    var key: KeyDescription
    var read: @Sendable (Field) throws -> Value
    /// nil if the value is given by another key.
    var write: @Sendable (Value) -> RecipeNode?

    init<Content>(
        _ name: String, _ codec: Codec<Content>, _ doc: String, make: @escaping @Sendable (Content) -> Value,
        content: @escaping @Sendable (Value) -> Content?
    ) {
        key = KeyDescription(name: name, shape: codec.shape, doc: doc)
        read = { make(try codec.value($0)) }
        write = { content($0).map(codec.write) }
    }
}

extension Array {
    fileprivate func read<Value>(_ section: Section) throws -> Value where Element == KeyChoice<Value> {
        let (name, field) = try section.oneOf(map(\.key.name))
        guard let choice = first(where: { $0.key.name == name }) else { throw field.error("is not a key here") }
        return try choice.read(field)
    }

    fileprivate func write<Value>(_ value: Value) -> [(key: String, node: RecipeNode?)] where Element == KeyChoice<Value> {
        map { ($0.key.name, $0.write(value)) }
    }
}
