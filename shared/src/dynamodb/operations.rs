//! The operations of DynamoDB that are called: what of the SDK each call needs.
//!
//! Of what the SDK's client adds to an operation two things are left out that would matter elsewhere: it makes up the token of a
//! transaction that has none (here each has one), and it corrects a clock that is minutes off (Lambda's is not).

use std::{fmt, sync::OnceLock};

use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_dynamodb::error::BuildError;
use aws_smithy_runtime::client::retries::classifiers::{
    ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, Input},
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::{RuntimePlugin, RuntimePlugins, StaticRuntimePlugin},
};

/// A request as the SDK builds it, and what the SDK knows of its operation.
pub(crate) trait Call: Sized {
    /// What it is answered with.
    type Output: fmt::Debug + Send + Sync + 'static;
    /// What it is refused with.
    type Error;
    /// The operation.
    const NAME: &'static str;

    /// The request, erased.
    fn input(self) -> Result<Input, BuildError>;

    /// The refusal that an erased one is.
    fn error(error: Error) -> Self::Error;

    /// How requests are written, answers read, and which refusals are worth another try.
    fn plugin() -> StaticRuntimePlugin;

    /// Where all that is kept from the first call on.
    fn slot(operations: &Operations) -> &OnceLock<RuntimePlugins>;
}

/// The operations that are called.
macro_rules! operations {
    ($($module:ident: $operation:ident $builder:ident $output:ident $error:ident;)+) => {
        /// What each operation needs for a call, from its first one on.
        #[derive(Debug, Default)]
        pub(crate) struct Operations { $($module: OnceLock<RuntimePlugins>),+ }

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
                        .with_retry_classifier(AwsErrorCodeClassifier::<Self::Error>::new());
                    let plugin = StaticRuntimePlugin::new().with_runtime_components(components);
                    match operation.config() {
                        Some(config) => plugin.with_config(config),
                        None => plugin,
                    }
                }

                fn slot(operations: &Operations) -> &OnceLock<RuntimePlugins> {
                    &operations.$module
                }
            }
        )+
    };
}

operations! {
    get_item: GetItem GetItemInputBuilder GetItemOutput GetItemError;
    put_item: PutItem PutItemInputBuilder PutItemOutput PutItemError;
    query: Query QueryInputBuilder QueryOutput QueryError;
    transact_write_items: TransactWriteItems TransactWriteItemsInputBuilder TransactWriteItemsOutput TransactWriteItemsError;
    update_item: UpdateItem UpdateItemInputBuilder UpdateItemOutput UpdateItemError;
}
