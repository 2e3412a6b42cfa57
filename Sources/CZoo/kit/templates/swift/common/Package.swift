// swift-tools-version: 6.3
import PackageDescription

// A plugin exports one symbol, binds everything at load, and stays resident.
let link: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-Xlinker", "--version-script=\(Context.packageDirectory)/plugin.map", "-Xlinker", "-z", "-Xlinker", "now",
            "-Xlinker", "-z", "-Xlinker", "nodelete", "-Xlinker", "-z", "-Xlinker", "defs",
        ], .when(platforms: [.linux])),
    .unsafeFlags(["-Xlinker", "-exported_symbol", "-Xlinker", "_zoo_plugin_entry_v1"], .when(platforms: [.macOS])),
]

let package = Package(
    name: "my-plugin",
    platforms: [.macOS(.v15)],
    products: [.library(name: "MyPlugin", type: .dynamic, targets: ["MyPlugin"])],
    // For a plugin that others build, too: .package(url: "https://…/PolicyZooKit", from: "1.0.0")
    dependencies: [.package(name: "PolicyZooKit", path: "@SWIFT_PACKAGE@")],
    targets: [
        .target(
            name: "MyPlugin", dependencies: [.product(name: "ZooKit", package: "PolicyZooKit")], linkerSettings: link)
    ]
)
