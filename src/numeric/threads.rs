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
        end_openblas_threads();
    }
}

/// Does work on a pool of as many threads as there are cores for this process. The pool that rayon makes by itself has one
/// thread after [`one_thread_per_kernel`], so what computes outside of a study's pool is to be called through this.
pub fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // Threads that cannot be had: the work is done on this one.
        Err(_) => work(),
    }
}

/// Ends the threads that a shared OpenBLAS starts when it is loaded, one for every core but the first. They would look for
/// work without pause for some 30 ms before they sleep, which is longer than a small run takes, and get none.
#[cfg(any(feature = "openblas-system", feature = "openblas-static"))]
fn end_openblas_threads() {
    #[cfg(target_os = "linux")]
    {
        use std::ffi::{c_char, c_int, c_void};
        unsafe extern "C" {
            fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
        }
        // Builds of OpenBLAS without threads lack this function, so it is looked up.
        // SAFETY: a null handle (RTLD_DEFAULT) asks all loaded libraries; the name ends in a zero.
        let symbol = unsafe { dlsym(std::ptr::null_mut(), c"blas_thread_shutdown_".as_ptr()) };
        if !symbol.is_null() {
            // SAFETY: `int blas_thread_shutdown_(void)` of OpenBLAS, which it calls itself before a fork. No product is
            // under way, and with one thread set none starts them again.
            unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(symbol)() };
        }
    }
}
