import Foundation
import ZooBase
import ZooData
import ZooKit
import ZooModels
import ZooRecipe
import ZooRecords
import ZooTensor

extension ZooError {
    /// Any error as one sentence with a code by its kind: damage is `dataLoss`, something named that does not exist `notFound`,
    /// something that cannot be created `alreadyExists`, a failing or full disk `resourceExhausted`.
    ///
    /// - Parameter code: for errors of unknown kind.
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
