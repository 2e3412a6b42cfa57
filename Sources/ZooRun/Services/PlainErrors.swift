import Foundation
import ZooData
import ZooFiles
import ZooKit
import ZooModels
import ZooRecipe
import ZooRecords
import ZooTensor

extension ZooError {
    /// Any error as one sentence with the code of its kind: what is damaged is `dataLoss`, what is named and is not there `notFound`,
    /// what cannot be made `alreadyExists`, a disk that fails or is full `resourceExhausted`.
    ///
    /// - Parameter code: of an error that says nothing of its kind.
    public init(plain error: any Error, else code: Code = .internal) {
        switch error {
        case let error as ZooError: self = error
        case let error as FileError: self.init(error)
        case is RecipeError, is DataError, is TensorError, is ModelError, is TokenizerError, is DecodingError:
            self.init(.dataLoss, plainWords(error))
        case is CancellationError: self.init(.cancelled, "stopped")
        default: self.init(code, plainWords(error))
        }
    }
}
