import CZoo

/// The owner of a host's table: a run's `HostTable`, or the altered tables of the conformance bench.
public protocol PluginHost: AnyObject {
    /// The table for `create`; valid as long as this object lives.
    var table: UnsafePointer<zoo_host_v1> { get }
    /// Who may call the table, and when.
    var gate: JobGate { get }
    /// What "zoo.parameters/1" serves; set before `create`.
    var parameters: GivenParameters { get set }
}
