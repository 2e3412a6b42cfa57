import ZooBase

extension JSONValue {
    /// Reads JSON text, in which a key that comes again replaces its value, as in Python; `place` is what errors begin with.
    /// - Throws: ``DataError``.
    package init(parsing text: String, place: String) throws {
        do { self = try JSONReader.value(text, repeatedKeys: .replace) } catch let fault as JSONFault {
            throw DataError(place, "not valid JSON: \(fault)")
        }
    }
}
