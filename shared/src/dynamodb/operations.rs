//! The operations of DynamoDB that are called, and what of the SDK a call of each needs.

use std::fmt;
use std::sync::OnceLock;

use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_dynamodb::error::BuildError;
use aws_smithy_runtime::client::retries::classifiers::{
    ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{
    RuntimePlugin, RuntimePlugins, StaticRuntimePlugin,
};

use super::absence::DropEmpty;
use super::retry::TRANSIENT_CODES;

/// The input of an operation, as the SDK's builder makes it.
pub trait Call: Sized {
    /// The answer.
    type Output: DropEmpty + fmt::Debug + Send + Sync + 'static;
    /// The refusal.
    type Error: DropEmpty;
    /// The name of the operation.
    const NAME: &'static str;

    /// Returns the input with its type erased.
    fn input(self) -> Result<Input, BuildError>;

    /// Restores the type of a refusal.
    fn error(error: Error) -> Self::Error;

    /// Makes the plugin that serializes, parses and classifies for retries.
    fn plugin() -> StaticRuntimePlugin;

    /// Returns the place that caches the plugins from the first call on.
    fn plugins(cache: &PluginCache) -> &OnceLock<RuntimePlugins>;
}

/// Declares the operations that are called.
macro_rules! operations {
    ($($module:ident: $operation:ident $builder:ident $output:ident $error:ident;)+) => {
        /// The plugins of each operation, from its first call on.
        #[derive(Debug, Default)]
        pub struct PluginCache { $($module: OnceLock<RuntimePlugins>),+ }

        $(
            impl Call for aws_sdk_dynamodb::operation::$module::builders::$builder {
                type Output = aws_sdk_dynamodb::operation::$module::$output;
                type Error = aws_sdk_dynamodb::operation::$module::$error;
                const NAME: &'static str = stringify!($operation);

                fn input(self) -> Result<Input, BuildError> {
                    self.build().map(Input::erase)
                }

                fn error(error: Error) -> Self::Error {
                    error.downcast().unwrap_or_else(Self::Error::unhandled)
                }

                fn plugin() -> StaticRuntimePlugin {
                    let operation = aws_sdk_dynamodb::operation::$module::$operation::new();
                    let components = RuntimeComponentsBuilder::new(Self::NAME)
                        .with_retry_classifier(TransientErrorClassifier::<Self::Error>::new())
                        .with_retry_classifier(ModeledAsRetryableClassifier::<Self::Error>::new())
                        .with_retry_classifier(
                            AwsErrorCodeClassifier::<Self::Error>::builder()
                                .transient_errors(TRANSIENT_CODES)
                                .build(),
                        );
                    let plugin = StaticRuntimePlugin::new().with_runtime_components(components);
                    match operation.config() {
                        Some(config) => plugin.with_config(config),
                        None => plugin,
                    }
                }

                fn plugins(cache: &PluginCache) -> &OnceLock<RuntimePlugins> {
                    &cache.$module
                }
            }
        )+
    };
}

operations! {
    delete_item: DeleteItem DeleteItemInputBuilder DeleteItemOutput DeleteItemError;
    get_item: GetItem GetItemInputBuilder GetItemOutput GetItemError;
    put_item: PutItem PutItemInputBuilder PutItemOutput PutItemError;
    query: Query QueryInputBuilder QueryOutput QueryError;
    transact_write_items: TransactWriteItems TransactWriteItemsInputBuilder TransactWriteItemsOutput TransactWriteItemsError;
    update_item: UpdateItem UpdateItemInputBuilder UpdateItemOutput UpdateItemError;
}
