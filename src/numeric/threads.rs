//! Threads belong to this crate, which uses them over runs and over fixed chunks of rows; the libraries beneath it (candle,
//! BLAS) run on one thread each. So results do not depend on the number of threads, and runs that go in parallel do not
//! compete for cores.

/// Pins candle's matrix products and the linked BLAS to one thread. To be called first in `main`, while
/// the process has one thread; library users may call it or live with their own settings.
pub fn one_thread_per_kernel() {
    // SAFETY: no other thread reads or writes the environment yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    #[cfg(any(feature = "openblas-system", feature = "openblas-static"))]
    {
        unsafe extern "C" {
            fn openblas_set_num_threads(threads: std::ffi::c_int);
        }
        // SAFETY: a plain setter of the OpenBLAS that is linked under these features.
        unsafe { openblas_set_num_threads(1) };
    }
}
