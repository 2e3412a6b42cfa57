import ZooBase

/// What is wrong with the folders and files of a report, as one sentence.
package struct ReportError: PlainError, Sendable {
    package let description: String
    package let status: CommandStatus

    package init(_ description: String, status: CommandStatus) { (self.description, self.status) = (description, status) }
}
