/// The Python modules that pass what a run logs on to a tracker, for `log_to`.
package enum LogHelper {
    /// What `python3 -m` calls each, and its source.
    package static var modules: [(name: String, source: String)] {
        [
            ("zoo_log_wandb", PackageResources.zoo_log_wandb_py), ("zoo_log_mlflow", PackageResources.zoo_log_mlflow_py),
            ("zoo_log_trackio", PackageResources.zoo_log_trackio_py),
        ].map { ($0.0, String(decoding: $0.1, as: UTF8.self)) }
    }
}
