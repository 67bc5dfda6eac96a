//! Figures of an output folder: what they show, independent of how it is drawn.
//!
//! [`Results`] is what a folder holds; each builder makes a [`Figure`] (axes and marks in data units) of it;
//! [`draw`] makes pictures of figures, light and dark, and for a page. Builders leave out what the folder
//! does not have and say so.
//!
//! | file | figure |
//! | --- | --- |
//! | [`mod@clouds`] | samples at chosen reverse steps (Fig. 4 of the first paper) |
//! | [`mod@grids`] | images: real ones, samples, and the nearest training images |
//! | [`mod@likelihood`] | log-likelihood against reverse step (its Fig. 5) |
//! | [`mod@ends`] | every metric at both ends: the map alone, and the samples |
//! | [`mod@calls`] | the last step against the calls of the network |
//! | [`mod@starts`] | the last step against the step of a late start |
//! | [`mod@loss`] | training loss (its Fig. 6) |
//! | [`mod@training`] | metrics of the network's samples against iteration |
//! | [`mod@prdc`] | precision, recall, density, coverage against reverse step |
//! | [`mod@last_step`] | the last step against lambda, beside the second paper's Table 1, or another swept key |
//! | [`mod@output_scale`] | the last step against the factor on the predicted noise |
//! | [`mod@isotropy`] | isotropy along the forward process (Fig. 2 of the second paper) |
//! | [`mod@spheres`] | points by radius and by number of spheres (its Figs. 4-6) |
//! | [`mod@bifurcation`] | commitment, cloning and entropy against reverse step |
//! | [`mod@error_over_t`] | the error of the predicted noise by diffusion time |
//! | [`mod@layers`] | the Gaussianizer layer by layer |
//! | [`mod@controls`] | of `gdiff controls`: real images made worse, beside the second paper's Tables 2-4 |

pub mod abscissa;
pub mod along;
pub mod bifurcation;
pub mod calls;
pub mod captions;
pub mod clouds;
pub mod contours;
pub mod controls;
pub mod draw;
pub mod ends;
mod error;
pub mod error_over_t;
pub mod facets;
mod file_names;
pub mod grids;
pub mod isotropy;
pub mod last_step;
pub mod layers;
pub mod likelihood;
pub mod loss;
pub mod maps;
pub mod model;
pub mod numbers;
pub mod output_scale;
pub mod paper_table;
pub mod prdc;
pub mod results;
pub mod series;
pub mod speciation;
pub mod spheres;
pub mod spread;
pub mod starts;
pub mod statistic;
pub mod training;

use crate::run::RunError;

pub use error::FigureError;
pub use model::Figure;
pub use results::Results;

/// A kind of figure: one or several pictures whose names begin with its own.
pub struct FigureKind {
    /// The name of its files, or their beginning.
    pub name: &'static str,
    /// What it shows, for the notice that it could not be drawn.
    pub about: &'static str,
    /// The pictures that the results hold; notices say what is left out.
    build: fn(&Results, &mut Vec<String>) -> Result<Vec<Figure>, FigureError>,
}

/// Every kind of figure, in the order of a report. A new one is a file of this folder and an entry here.
pub static FIGURES: &[FigureKind] = &[
    FigureKind { name: "clouds", about: "point clouds", build: |r, notices| Ok(clouds::clouds(r, notices)?) },
    FigureKind { name: "grids", about: "images", build: |r, notices| grids::grids(r, notices) },
    FigureKind {
        name: "log_likelihood",
        about: "log-likelihood",
        build: |r, _| one(likelihood::likelihood(r)),
    },
    FigureKind { name: "ends", about: "the map alone and the samples", build: |r, _| one(Ok(ends::ends(r))) },
    FigureKind { name: "loss", about: "loss", build: |r, _| one(Ok(loss::loss(r))) },
    FigureKind {
        name: "training",
        about: "samples while networks train",
        build: |r, _| one(Ok(training::training(r))),
    },
    FigureKind {
        name: "prdc_steps",
        about: "PRDC against reverse step",
        build: |r, _| one(Ok(prdc::prdc_steps(r))),
    },
    FigureKind {
        name: "bifurcation",
        about: "choice of the modes",
        build: |r, _| one(Ok(bifurcation::bifurcation(r))),
    },
    FigureKind {
        name: "error_over_t",
        about: "error by diffusion time",
        build: |r, _| one(Ok(error_over_t::error_over_t(r))),
    },
    FigureKind { name: "last_step", about: "last step", build: |r, _| Ok(last_step::last_step(r)) },
    FigureKind {
        name: "calls",
        about: "the last step against network calls",
        build: |r, _| one(Ok(calls::calls(r))),
    },
    FigureKind {
        name: "starts",
        about: "the last step against the start step",
        build: |r, _| one(Ok(starts::starts(r))),
    },
    FigureKind {
        name: "output_scale",
        about: "the last step against the scale of the predicted noise",
        build: |r, _| one(output_scale::output_scale(r)),
    },
    FigureKind { name: "isotropy", about: "isotropy", build: |r, _| one(Ok(isotropy::isotropy(r))) },
    FigureKind { name: "spheres", about: "spheres", build: |r, _| one(spheres::spheres(r)) },
    FigureKind { name: "layers", about: "layers", build: |r, _| one(layers::layers(r)) },
];

fn one(figure: Result<Option<Figure>, RunError>) -> Result<Vec<Figure>, FigureError> {
    Ok(figure?.into_iter().collect())
}

/// Every figure that the results hold, in the order of a report. The results' notices say what cannot be drawn.
pub fn all(results: &mut Results) -> Vec<Figure> {
    let (mut figures, mut notices) = (Vec::new(), Vec::new());
    for kind in FIGURES {
        match (kind.build)(results, &mut notices) {
            Ok(built) => figures.extend(built),
            Err(error) => notices.push(format!("no {}: {error}", kind.about)),
        }
    }
    results.notices.append(&mut notices);
    figures
}
