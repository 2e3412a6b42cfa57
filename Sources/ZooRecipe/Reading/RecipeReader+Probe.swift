import ZooData
import ZooPlugins

extension RecipeReader {
    /// What `zoo probe` does; its driver is a variant of the comparison.
    func probe(of comparison: Comparison?) -> Expectation<Probe> {
        .section("how to probe, such as {driver: ppo}") { section in
            let names = comparison?.variants.map(\.name) ?? []
            guard !names.isEmpty else {
                throw section.field.error("a probe compares the variants of 'compare', but the recipe has none")
            }
            var probe = Probe(driver: try section("driver", .choice(names)))
            let at = try section("at", .list(of: .whole(from: 0, to: RecipeLimits.steps)), else: probe.at)
            guard !at.isEmpty, zip(at, at.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw RecipeError(
                    section.field.node.place, path: section.path("at"), "expected ascending iterations, such as [0, 40, 160]")
            }
            probe.at = at
            probe.prompts = try section("prompts", .whole(from: 1, to: 1_000_000), else: probe.prompts)
            probe.samples = try section("samples", .whole(from: 2, to: RecipeLimits.samples), else: probe.samples)
            probe.batches = try section("batches", .whole(from: 4, to: 100_000), else: probe.batches)
            probe.beta = try section("beta", .fromZero(to: 1e6), else: probe.beta)
            probe.reference = try section("reference", .whole(from: 256, to: RecipeLimits.rows), else: probe.reference)
            probe.states = try section("states", .whole(from: 8, to: 1_000_000), else: probe.states)
            probe.continuations = try section(
                "continuations", .whole(from: 2, to: RecipeLimits.samples), else: probe.continuations)
            probe.threads = try section.optional("threads", .threads)
            return probe
        }
    }
}
