import Foundation
import Synchronization
import ZooPlugins
import ZooRecipe

/// What Ctrl-C means for a run: the first one ends it after the current iteration, with a checkpoint; the second at once.
///
/// A run that is ended at once continues from its last checkpoint.
public final class StopSignal: Sendable {
    private let count = Atomic<Int>(0)

    public init() {}

    public func raise() { count.wrappingAdd(1, ordering: .relaxed) }

    /// The run is to end after this iteration.
    public var isRaised: Bool { count.load(ordering: .relaxed) > 0 }

    /// The run is to end within this iteration.
    public var isImmediate: Bool { count.load(ordering: .relaxed) > 1 }

    /// Listens to SIGINT, SIGTERM and SIGHUP for as long as the returned sources live.
    public func listen() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            // A terminal that closes hangs up more than once.
            source.setEventHandler { if number != SIGHUP || !self.isRaised { self.raise() } }
            source.resume()
            return source
        }
    }
}
