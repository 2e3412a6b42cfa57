// swift-tools-version: 6.3
// ZooKit and the contract's headers alone: no dependencies, no libtorch, no unsafe flags.
import PackageDescription

let package = Package(
    name: "PolicyZooKit",
    platforms: [.macOS(.v15)],
    products: [.library(name: "ZooKit", targets: ["ZooKit"])],
    targets: [
        .target(name: "CZoo"),
        .target(name: "ZooKit", dependencies: ["CZoo"], exclude: ["ZooKit.docc"]),
    ]
)
