// swift-tools-version: 6.3
import PackageDescription

// libtorch: `make` links `.libtorch` to the unpacked PyPI wheel (or to $LIBTORCH).
let libtorch = "\(Context.packageDirectory)/.libtorch"
let torchHeaders: [CXXSetting] = [
    .headerSearchPath("gloo"),
    .unsafeFlags([
        "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include",
        // The mangling of compilers that libtorch is built with: newer names of its templates are not in every version.
        "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fclang-abi-compat=17",
    ]),
]
// Found in the source tree, or through the link that `make install` puts beside the program.
let torchLibraries: [LinkerSetting] = [
    .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"]),
    .unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/libtorch/lib"], .when(platforms: [.linux])),
    .unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "@loader_path/libtorch/lib"], .when(platforms: [.macOS])),
    .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
]
// A safe setting, so that other packages may depend on ZooKit by version.
let swift: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// A plugin exports one symbol, binds everything at load, and stays resident.
let pluginLink: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/CZoo/plugin.map",
            "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-z", "-Xlinker", "nodelete",
            "-Xlinker", "-z", "-Xlinker", "defs",
        ], .when(platforms: [.linux])),
    .unsafeFlags(["-Xlinker", "-exported_symbol", "-Xlinker", "_zoo_plugin_entry_v1"], .when(platforms: [.macOS])),
]

/// A built-in algorithm: a dynamic library of its own that imports ZooKit and nothing else.
func plugin(_ name: String) -> (product: Product, target: Target) {
    (
        .library(name: name, type: .dynamic, targets: [name]),
        .target(
            name: name, dependencies: ["ZooKit", "CZoo"], path: "Plugins/\(name)", exclude: ["README.md"],
            swiftSettings: swift, linkerSettings: pluginLink)
    )
}

/// A plugin in C against the headers alone.
func cPlugin(_ name: String, path: String) -> (product: Product, target: Target) {
    (
        .library(name: name, type: .dynamic, targets: [name]),
        .target(
            name: name, dependencies: ["CZoo"], path: path, exclude: ["README.md"], publicHeadersPath: ".",
            cSettings: [.unsafeFlags(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])], linkerSettings: pluginLink)
    )
}

let plugins =
    [
        plugin("SFT"), plugin("RewardModel"), plugin("PPO"), plugin("GRPO"), plugin("RLOO"), plugin("ReinforcePlusPlus"),
        plugin("DPO"), plugin("KTO"), plugin("OnlineDPO"), plugin("Distill"),
    ] + [cPlugin("Reinforce", path: "Plugins/Reinforce")]

/// Tests of the public interface; fixtures are read where they lie.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: excluded[name] ?? [],
        // What is tested is optimized; the tests themselves would take longer to optimize than to run.
        swiftSettings: swift + [.unsafeFlags(["-Onone"])])
}
let excluded = [
    "ABITests": ["Released", "layout.py", "plugin.c"], "GoldenTests": ["Fixtures"], "TokenizerTests": ["Fixtures", "parity.py"],
    "ZooPluginsTests": ["Fixtures"],
    "ZooDataTests": ["Fixtures", "chat_cases.py"],
    "ZooModelsTests": ["Fixtures", "parity.py", "flux_parity.py", "flux_bench.py"],
    "ZooTensorTests": ["Fixtures"], "RunTests": ["flux_folder.py", "unruly_server.py", "server_check.py"],
]

let package = Package(
    name: "PolicyZoo",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "zoo", targets: ["zoo"]), .executable(name: "zoo-plugin-worker", targets: ["ZooPluginWorker"]),
        .library(name: "ZooKit", targets: ["ZooKit"]),
    ] + plugins.map(\.product),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", .upToNextMinor(from: "0.27.1")),
    ],
    targets: [
        .target(name: "CZoo", exclude: ["ABI.md", "plugin.map", "kit"]),
        .target(name: "ZooKit", dependencies: ["CZoo"], swiftSettings: swift),
        .target(name: "CTorch", exclude: ["nccl"], cxxSettings: torchHeaders, linkerSettings: torchLibraries),
        .target(name: "ZooBase", swiftSettings: swift),
        .target(name: "ZooTensor", dependencies: ["CTorch", "ZooBase"], swiftSettings: swift),
        .target(
            name: "ZooModels", dependencies: ["ZooTensor", "ZooBase"],
            exclude: ["CausalLM/Families/README.md", "Tokenizer/README.md"],
            swiftSettings: swift),
        .systemLibrary(name: "CPNG", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .target(
            name: "ZooData", dependencies: ["CPNG", "ZooBase"],
            // Compiled in, so that the executable fetches data and models without a file beside it.
            resources: [
                .embedInCode("Tasks/Digits/fetch-digits.sh"), .embedInCode("Tasks/Fashion/fetch-fashion.sh"),
                .embedInCode("Tasks/Sentiment/fetch-sentiment.sh"), .embedInCode("Models/fetch-smollm2.sh"),
                .embedInCode("Models/convert-smollm2.py"),
                // For `python3 -m zoo_reward` of users' reward functions.
                .embedInCode("Rewards/zoo_reward.py"),
                // For `log_to`.
                .embedInCode("Logging/zoo_log_wandb.py"), .embedInCode("Logging/zoo_log_mlflow.py"),
                .embedInCode("Logging/zoo_log_trackio.py"),
            ],
            swiftSettings: swift),
        .systemLibrary(name: "CLtdl", providers: [.apt(["libltdl-dev"]), .brew(["libtool"])]),
        .target(name: "CProcess", cSettings: [.unsafeFlags(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])]),
        .target(
            name: "ZooPlugins", dependencies: ["CZoo", "ZooKit", "CLtdl", "CProcess", "ZooBase", "ZooData"],
            exclude: ["Conformance/README.md"], swiftSettings: swift),
        // Without libtorch, so that a plugin is loaded in a process that starts at once.
        .executableTarget(name: "ZooPluginWorker", dependencies: ["ZooPlugins", "ZooBase"], swiftSettings: swift),
        .target(
            name: "ZooRecipe",
            dependencies: ["ZooPlugins", "ZooKit", "ZooBase", "ZooData", "ZooModels", .product(name: "Yams", package: "Yams")],
            swiftSettings: swift),
        .target(
            name: "ZooRecords", dependencies: ["ZooRecipe", "ZooPlugins", "ZooKit", "CZoo", "ZooBase", "ZooData"],
            swiftSettings: swift),
        .target(
            name: "ZooServices",
            dependencies: [
                "ZooRecords", "ZooRecipe", "ZooPlugins", "CZoo", "ZooKit", "ZooBase", "ZooTensor", "ZooModels", "ZooData",
            ], swiftSettings: swift),
        .target(
            name: "ZooRun",
            dependencies: [
                "ZooServices", "ZooRecords", "ZooRecipe", "ZooPlugins", "CZoo", "ZooKit", "ZooBase", "ZooTensor", "ZooModels",
                "ZooData",
            ], swiftSettings: swift),
        .target(
            name: "ZooReport", dependencies: ["ZooRecords", "ZooRecipe", "ZooPlugins", "ZooKit", "ZooBase"],
            // Compiled in, so that the executable needs no file beside it.
            resources: [
                .embedInCode("Page/page.css"), .embedInCode("Page/page.js"), .embedInCode("Page/charts.js"),
                .embedInCode("Page/probes.js"),
            ],
            swiftSettings: swift),
        .executableTarget(
            name: "zoo",
            dependencies: [
                "ZooBase", "ZooRun", "ZooServices", "ZooRecords", "ZooRecipe", "ZooPlugins", "ZooKit", "ZooData", "ZooReport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "FlyingFox", package: "FlyingFox"), .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: swift),
        tests("HouseTests", []),
        tests("ABITests", ["ZooPlugins", "ZooKit", "ZooBase", "CZoo"]),
        tests("ZooKitTests", ["ZooKit", "CZoo"]),
        tests("GoldenTests", ["ZooPlugins", "ZooKit", "ZooData", "ZooBase", "CZoo"]),
        tests("ZooBaseTests", ["ZooBase"]),
        tests("ZooTensorTests", ["ZooTensor", "ZooBase"]),
        tests("ZooModelsTests", ["ZooModels", "ZooTensor", "ZooBase"]),
        tests("TokenizerTests", ["ZooModels", "ZooBase"]),
        tests("ZooDataTests", ["ZooData", "ZooBase"]),
        tests("ZooPluginsTests", ["ZooPlugins", "ZooKit", "ZooData", "ZooBase"]),
        tests("ZooRecipeTests", ["ZooRecipe", "ZooPlugins", "ZooKit", "ZooData", "ZooBase"]),
        tests("ZooReportTests", ["ZooReport", "ZooRecords", "ZooRecipe", "ZooPlugins", "ZooBase"]),
        tests("CommandTests", ["zoo", "ZooData"]),
        tests(
            "RunTests",
            [
                "ZooRun", "ZooServices", "ZooRecords", "ZooRecipe", "ZooPlugins", "ZooKit", "ZooModels", "ZooTensor", "ZooData",
                "ZooBase",
            ]),
    ] + plugins.map(\.target),
    cxxLanguageStandard: .cxx20
)
