import ZooPlugins

/// The text of `zoo plugins diff`: how two algorithms or presets differ, in numbers and in words.
package struct OfferDifference {
    private let first: Offer
    private let second: Offer

    package init(_ first: Offer, _ second: Offer) { (self.first, self.second) = (first, second) }

    private var isOneAlgorithm: Bool { first.algorithm.id == second.algorithm.id }

    /// For a terminal of this width.
    package func text(width: Int) throws -> String {
        let rows = try self.rows
        var blocks = isOneAlgorithm ? [] : [needs.plain(width: width)]
        if rows.isEmpty {
            blocks.append("Both set all parameters to the same values.\n")
        } else {
            var table = TextTable([.text("parameter"), .text(first.name), .text(second.name)])
            for row in rows { table.append([row.name, row.first ?? "–", row.second ?? "–"]) }
            let alike = names.count - rows.count
            blocks += [
                table.plain(width: width) + "\(alike) more \(alike == 1 ? "is" : "are") the same.\n",
                meanings(rows.map(\.name)).wrapped(toWidth: width),
            ]
        }
        blocks += [words(first), words(second)].map { $0.wrapped(toWidth: width) }
        return blocks.joined(separator: "\n")
    }

    /// The parameters of either.
    private var names: [String] { Set((first.algorithm.parameters + second.algorithm.parameters).map(\.name)).sorted() }

    /// The parameters that differ; nil stands for one that an algorithm does not have.
    private var rows: [(name: String, first: String?, second: String?)] {
        get throws {
            try names.compactMap { name in
                let (a, b) = (try text(of: name, in: first), try text(of: name, in: second))
                return a == b ? nil : (name, a, b)
            }
        }
    }

    private func text(of name: String, in offer: Offer) throws -> String? {
        guard let parameter = offer.algorithm.parameter(name) else { return nil }
        return try offer.values[name]?.cell ?? parameter.defaultText
    }

    /// What two algorithms are and need.
    private var needs: TextTable {
        var table = TextTable([.text(""), .text(first.name), .text(second.name)])
        func row(_ title: String, _ value: (AlgorithmDescription) -> String) {
            table.append([title, value(first.algorithm), value(second.algorithm)])
        }
        row("algorithm") { $0.title }
        row("data") { $0.needs.data.map(\.rawValue).joined(separator: " or ") }
        row("roles") { $0.needs.roles.joined(separator: ", ") }
        if first.algorithm.needs.services != second.algorithm.needs.services {
            row("services") { $0.needs.services.joined(separator: ", ") }
        }
        return table
    }

    /// What each parameter does; once where both say the same.
    private func meanings(_ names: [String]) -> String {
        names.map { name in
            let docs = [first, second].compactMap { offer in
                offer.algorithm.parameter(name).map { (id: offer.algorithm.id, doc: $0.doc) }
            }
            guard docs.count == 2, docs[0].doc != docs[1].doc else { return "\(name): \(docs.first?.doc ?? "")\n" }
            return "\(name)\n" + docs.map { "  \($0.id): \($0.doc)\n" }.joined()
        }.joined()
    }

    private func words(_ offer: Offer) -> String {
        let algorithm = offer.algorithm
        let own = "  \(algorithm.summary)\n  paper: \(algorithm.paper)\n"
        return "\(offer.name)\n" + (isOneAlgorithm ? offer.preset == nil ? "  The defaults.\n" : "" : own)
            + (offer.preset?.words ?? "")
    }
}
