import ZooPlugins

/// Instances of algorithms that live until the worker has reported its result: their `destroy` may crash or hang.
public final class Instances {
    private var all: [AlgorithmInstance] = []

    public init() {}

    func keep(_ instance: AlgorithmInstance) -> AlgorithmInstance {
        all.append(instance)
        return instance
    }

    /// Destroys those that nobody else holds.
    func destroy() { all = [] }
}
