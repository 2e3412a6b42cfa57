/// Throws `.dataLoss` where a number is NaN or infinite; `what` names the numbers in the message.
public func requireFinite(_ values: [Double], _ what: @autoclosure () -> String) throws {
    guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw ZooError(.dataLoss, "\(what()) is \(values[bad]) at index \(bad) of \(values.count); expected finite numbers")
}
