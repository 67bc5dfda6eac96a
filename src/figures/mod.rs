//! Figures of an output folder: what they show, apart from how it is drawn.
//!
//! [`Results`] is what a folder holds; each builder makes a [`Figure`] (axes and marks in data units) of it;
//! [`draw`] makes pictures of figures, light and dark, and for a page. Builders leave out what the folder
//! does not have and say so.
//!
//! | file | figure |
//! | --- | --- |
//! | [`mod@clouds`] | samples at chosen reverse steps (Fig. 4 of the first paper) |
//! | [`mod@likelihood`] | log-likelihood against reverse step (its Fig. 5) |
//! | [`mod@loss`] | training loss (its Fig. 6) |
//! | [`mod@prdc`] | precision, recall, density, coverage against reverse step |
//! | [`mod@last_step`] | the last step against lambda, beside the second paper's Table 1, or another swept key |
//! | [`mod@isotropy`] | isotropy along the forward process (Fig. 2 of the second paper) |
//! | [`mod@spheres`] | points by radius and by number of spheres (its Figs. 4-6) |
//! | [`mod@layers`] | the Gaussianizer layer by layer |

pub mod clouds;
pub mod contours;
pub mod draw;
pub mod facets;
pub mod isotropy;
pub mod last_step;
pub mod layers;
pub mod likelihood;
pub mod loss;
pub mod model;
pub mod prdc;
pub mod results;
pub mod series;
pub mod spheres;
pub mod words;

pub use model::Figure;
pub use results::{FigureError, Results};

/// Every figure that the results hold, in the order of a report. What cannot be drawn is told in the
/// results' notices.
pub fn all(results: &mut Results) -> Vec<Figure> {
    let mut notices = Vec::new();
    let mut figures = Vec::new();
    match clouds::clouds(results, &mut notices) {
        Ok(clouds) => figures.extend(clouds),
        Err(e) => notices.push(format!("no point clouds: {e}")),
    }
    let mut keep =
        |name: &str, figure: Result<Option<Figure>, crate::experiment::ExperimentError>| match figure {
            Ok(figure) => figures.extend(figure),
            Err(e) => notices.push(format!("no {name}: {e}")),
        };
    keep("log-likelihood", likelihood::likelihood(results));
    keep("loss", Ok(loss::loss(results)));
    keep("PRDC against reverse step", Ok(prdc::prdc_steps(results)));
    keep("last step", Ok(last_step::last_step(results)));
    keep("isotropy", Ok(isotropy::isotropy(results)));
    keep("spheres", spheres::spheres(results));
    keep("layers", layers::layers(results));
    results.notices.append(&mut notices);
    figures
}
