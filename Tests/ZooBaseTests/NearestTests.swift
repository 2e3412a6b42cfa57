import Testing
import ZooBase

@Suite("nearest name")
struct NearestTests {
    @Test(
        "a slip of the keyboard finds the name",
        arguments: [
            ("algoritm", "algorithm"), ("sedes", "seeds"), ("group-size", "group_size"), ("Seeds", "seeds"), ("betta", "beta"),
            ("lr", "lr"),
        ])
    func found(slip: String, name: String) {
        #expect(nearest(slip, among: ["algorithm", "seeds", "group_size", "beta", "lr"]) == name)
    }

    @Test("a name that is near nothing finds nothing", arguments: ["", "temperature", "x", "sigma"])
    func notFound(name: String) {
        #expect(nearest(name, among: ["algorithm", "seeds", "group_size", "beta"]) == nil)
    }

    @Test("the hint ends a sentence, and is empty where none is near")
    func hint() {
        #expect(didYouMean("sedes", among: ["seeds"]) == "; did you mean 'seeds'?")
        #expect(didYouMean("temperature", among: ["seeds"]).isEmpty)
    }

    @Test("ties go to the earlier candidate, nothing is near an empty list")
    func ties() {
        #expect(nearest("bat", among: ["cat", "hat"]) == "cat")
        #expect(nearest("bat", among: []) == nil)
    }
}
