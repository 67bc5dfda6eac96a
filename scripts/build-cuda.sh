#!/usr/bin/env bash
# Builds gdiff with CUDA into target/cuda/release/gdiff. With a CUDA toolkit (CUDA_HOME, or nvcc on the PATH) it
# takes that; without one it fetches the compiler, headers and libraries of CUDA 13.0 as Python wheels. Likewise cuDNN 9: that of
# CUDNN_HOME, of the toolkit or of the system, or else a wheel. No GPU and no driver is needed to build, nor to start the
# binary: it then says that there is no GPU.
#
#     scripts/build-cuda.sh                       # for the GPU of this machine, or compute capability 9.0
#     CUDA_COMPUTE_CAP=80 scripts/build-cuda.sh   # for another one
#     scripts/build-cuda.sh --tests               # and runs the tests for CUDA, which are ignored without a GPU
set -euo pipefail
. "$(dirname "$0")/common.sh"

place=$PWD/target/cuda
toolkit=$place/toolkit
wheels=$place/wheels
mkdir -p "$place" "$toolkit/lib64"

home=${CUDA_HOME:-}
if [ -z "$home" ] && nvcc=$(command -v nvcc); then
    home=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
fi
if [ -z "$home" ]; then
    home=$(echo "$wheels"/lib/python3*/site-packages/nvidia/cu13)
    if ! [ -x "$home/bin/nvcc" ]; then
        python3 -m venv "$wheels"
        "$wheels/bin/pip" install --quiet --disable-pip-version-check --no-deps \
            nvidia-cuda-{nvcc,crt,cccl,runtime,nvrtc}==13.0.* nvidia-{nvvm,cublas}==13.0.* nvidia-curand==10.4.0.*
        home=$(echo "$wheels"/lib/python3*/site-packages/nvidia/cu13)
    fi
fi
"$home/bin/nvcc" --version | tail -n 2 | head -n 1

# One folder in a toolkit's usual shape, whatever the toolkit's own.
libraries=$home/lib64
[ -d "$libraries" ] || libraries=$home/lib
for part in bin include nvvm; do
    [ -e "$home/$part" ] && ln -sfn "$home/$part" "$toolkit/$part"
done
for name in cudart cublas cublasLt curand nvrtc; do
    for found in "$libraries/lib$name.so" "$libraries/lib$name.so."[0-9]*; do
        if [ -e "$found" ]; then
            ln -sfn "$found" "$toolkit/lib64/lib$name.so"
            break
        fi
    done
done
# cuDNN comes apart from the toolkit: that of the machine, or else a wheel's for the toolkit's version of CUDA.
cudnn=
for folder in "${CUDNN_HOME:+$CUDNN_HOME/lib}" "$libraries" "/usr/lib/$(uname -m)-linux-gnu"; do
    [ -z "$cudnn" ] && [ -e "$folder/libcudnn.so.9" ] && cudnn=$folder
done
if [ -z "$cudnn" ]; then
    cudnn=$(echo "$wheels"/lib/python3*/site-packages/nvidia/cudnn/lib)
    if ! [ -e "$cudnn/libcudnn.so.9" ]; then
        major=$("$home/bin/nvcc" --version | sed -nE 's/.*release ([0-9]+).*/\1/p')
        [ -x "$wheels/bin/pip" ] || python3 -m venv "$wheels"
        "$wheels/bin/pip" install --quiet --disable-pip-version-check --no-deps "nvidia-cudnn-cu$major==9.*"
        cudnn=$(echo "$wheels"/lib/python3*/site-packages/nvidia/cudnn/lib)
    fi
fi
ln -sfn "$cudnn/libcudnn.so.9" "$toolkit/lib64/libcudnn.so"
for found in "$libraries"/libcudart_static.a "$libraries"/libcudadevrt.a; do
    [ -e "$found" ] && ln -sfn "$found" "$toolkit/lib64/"
done

# The driver's library is found when the program starts, not when it is linked: each of its functions jumps to the
# driver's own, or, where there is no driver, to one that says "no device".
mapfile -t functions < <(grep -oE '\bcu[A-Z][A-Za-z0-9_]*' "$home/include/cuda.h" | sort -u)
{
    echo '#include <dlfcn.h>'
    echo 'static int no_device(void) { return 100; } /* CUDA_ERROR_NO_DEVICE */'
    echo "static const char *const names[] = {"
    printf '    "%s",\n' "${functions[@]}"
    echo '};'
    echo "__attribute__((visibility(\"hidden\"))) void *gdiff_driver[${#functions[@]}];"
    echo '__attribute__((constructor)) static void find_driver(void) {'
    echo '    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);'
    echo "    for (int i = 0; i < ${#functions[@]}; i++) {"
    echo '        void *found = driver ? dlsym(driver, names[i]) : 0;'
    echo '        gdiff_driver[i] = found ? found : (void *)no_device;'
    echo '    }'
    echo '}'
    i=0
    for name in "${functions[@]}"; do
        case $(uname -m) in
            x86_64) jump="jmp *gdiff_driver+$((8 * i))(%rip)" ;;
            aarch64) jump="adrp x16, gdiff_driver+$((8 * i))\\n ldr x16, [x16, :lo12:gdiff_driver+$((8 * i))]\\n br x16" ;;
            *) echo "build-cuda.sh: there is no CUDA for $(uname -m)" >&2; exit 1 ;;
        esac
        echo "__asm__(\".text\\n .globl $name\\n .type $name, @function\\n$name:\\n $jump\\n .size $name, .-$name\\n\");"
        i=$((i + 1))
    done
} > "$place/driver.c"
cc -O2 -shared -fPIC -Wl,-soname,libgdiff_cuda_driver.so -o "$toolkit/lib64/libgdiff_cuda_driver.so" "$place/driver.c" -ldl
ln -sfn libgdiff_cuda_driver.so "$toolkit/lib64/libcuda.so"

if [ -z "${CUDA_COMPUTE_CAP:-}" ] && ! command -v nvidia-smi > /dev/null; then
    export CUDA_COMPUTE_CAP=90
fi
export CUDA_HOME=$toolkit CUDA_PATH=$toolkit PATH=$toolkit/bin:$PATH
export GDIFF_RPATH=$toolkit/lib64:$libraries:$cudnn
cargo_options+=(--features cuda --target-dir "$place")
cargo build "${cargo_options[@]}" --bin gdiff
if [ "${1:-}" = --tests ]; then
    cargo test "${cargo_options[@]}" --test it cuda::
fi
echo "built $place/release/gdiff"
