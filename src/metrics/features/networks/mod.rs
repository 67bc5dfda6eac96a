//! Networks with trained weights whose inner values are the features of images.
//!
//! | file | idea |
//! | --- | --- |
//! | `weights` | the tensors of a safetensors file, found by name and checked by shape |
//! | `layers` | convolution with batch normalization, pooling, the linear layer |
//! | `on_host` | what of them candle does slowly or not at all on the CPU |
//! | `inception` | Inception-v3 as in the Frechet inception distance |
//! | `resnet` | ResNet-50 |

mod inception;
mod layers;
mod on_host;
mod resnet;
mod weights;

pub use inception::InceptionNetwork;
pub use resnet::ResNet50;
pub use weights::NetworkWeights;

use crate::metrics::MetricsError;
use candle_core::Tensor;

/// Is given the name and the output of each layer, in the order in which they are computed.
pub type Probe<'a> = dyn FnMut(&str, &Tensor) -> Result<(), MetricsError> + 'a;

/// What a network makes of images.
#[derive(Debug)]
pub struct NetworkOutput {
    /// `(n, 2048)`.
    pub features: Tensor,
    /// What the class probabilities are the softmax of, `(n, classes)`, where the network has classes.
    pub logits: Option<Tensor>,
}
