import Foundation
import ZooData
import ZooTensor

extension ImageGrid {
    /// Writes latents as safetensors, a tensor `[images, channels, height, width]` of the rows of each name, atomically.
    public func writeLatents(to file: URL) throws {
        var names: [String] = []
        for name in latentNames where !names.contains(name) { names.append(name) }
        let tensors = names.compactMap { name -> NamedTensor? in
            let images = zip(latentNames, rows).flatMap { $0 == name ? $1 : [] }
            guard let first = images.first else { return nil }
            return NamedTensor(
                name,
                Tensor(images.flatMap(\.pixels), shape: [images.count, first.channels, first.height, first.width], device: .cpu))
        }
        try Safetensors.write(tensors, to: file)
    }
}
