// Operations of a U-Net on feature maps (images, channels, pixels), each in one pass over memory where the graph's own
// operations would take ten. Every sum has a fixed order, so the same input gives the same bits.

// The sum over the lanes of a warp, in each lane.
static __device__ float warp_sum(float v) {
    for (int lane = 16; lane > 0; lane /= 2) v += __shfl_xor_sync(0xffffffffu, v, lane);
    return v;
}

// The sum over the threads of a block, in each thread. `room` has a place for each warp.
static __device__ float block_sum(float v, float *room) {
    v = warp_sum(v);
    int warp = threadIdx.x / 32, warps = blockDim.x / 32;
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[warp] = v;
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < warps; i++) sum += room[i];
    return sum;
}

static __device__ float sigmoid(float z) { return 1.0f / (1.0f + expf(-z)); }

// The values of one group of channels of one image, which lie in one piece: a block for each image and group, a warp for each
// channel in turn.
struct Group {
    int first, channels, pixels;
    __device__ Group(int channels, int groups, int pixels)
        : first(blockIdx.x % groups * channels), channels(channels), pixels(pixels) {}
    __device__ size_t number(int channel) const { return (size_t)blockIdx.x * channels + channel; }
    __device__ size_t start(int channel) const { return number(channel) * pixels; }
    __device__ int warp() const { return threadIdx.x / 32; }
    __device__ int warps() const { return blockDim.x / 32; }
    __device__ int lane() const { return threadIdx.x % 32; }
};

// The mean of a group and 1 / sqrt(variance + epsilon).
static __device__ void moments(const float *x, const Group &g, float epsilon, float *room, float &mean, float &inverse) {
    float count = (float)g.channels * g.pixels, sum = 0.0f;
    for (int c = g.warp(); c < g.channels; c += g.warps()) {
        const float *from = x + g.start(c);
        for (int p = g.lane(); p < g.pixels; p += 32) sum += from[p];
    }
    mean = block_sum(sum, room) / count;
    sum = 0.0f;
    for (int c = g.warp(); c < g.channels; c += g.warps()) {
        const float *from = x + g.start(c);
        for (int p = g.lane(); p < g.pixels; p += 32) sum += (from[p] - mean) * (from[p] - mean);
    }
    inverse = 1.0f / sqrtf(block_sum(sum, room) / count + epsilon);
}

// Group normalization, and SiLU if it is asked for.
extern "C" __global__ void norm_forward(float *y, const float *x, const float *scale, const float *shift, int channels,
                                        int groups, int pixels, float epsilon, int with_silu) {
    __shared__ float room[32];
    Group g(channels, groups, pixels);
    float mean, inverse;
    moments(x, g, epsilon, room, mean, inverse);
    for (int c = g.warp(); c < channels; c += g.warps()) {
        float a = scale[g.first + c], b = shift[g.first + c];
        size_t start = g.start(c);
        for (int p = g.lane(); p < pixels; p += 32) {
            float z = (x[start + p] - mean) * inverse * a + b;
            y[start + p] = with_silu ? z * sigmoid(z) : z;
        }
    }
}

// The gradient of norm_forward: of x, and behind it for each image and channel its shares of those of scale and shift.
extern "C" __global__ void norm_backward(float *dx, const float *x, const float *dy, const float *scale, const float *shift,
                                         int channels, int groups, int pixels, float epsilon, int with_silu) {
    __shared__ float room[32];
    Group g(channels, groups, pixels);
    size_t all = (size_t)gridDim.x * channels;
    float *of_scale = dx + all * pixels, *of_shift = of_scale + all;
    float mean, inverse;
    moments(x, g, epsilon, room, mean, inverse);
    float with_x = 0.0f, plain = 0.0f;
    for (int c = g.warp(); c < channels; c += g.warps()) {
        float a = scale[g.first + c], b = shift[g.first + c], of_a = 0.0f, of_b = 0.0f;
        size_t start = g.start(c);
        for (int p = g.lane(); p < pixels; p += 32) {
            float n = (x[start + p] - mean) * inverse, z = n * a + b, dz = dy[start + p];
            if (with_silu) {
                float s = sigmoid(z);
                dz *= s * (1.0f + z * (1.0f - s));
            }
            of_a += dz * n;
            of_b += dz;
        }
        of_a = warp_sum(of_a);
        of_b = warp_sum(of_b);
        if (g.lane() == 0) {
            of_scale[g.number(c)] = of_a;
            of_shift[g.number(c)] = of_b;
            with_x += a * of_a;
            plain += a * of_b;
        }
    }
    float count = (float)channels * pixels;
    with_x = block_sum(with_x, room) / count;
    plain = block_sum(plain, room) / count;
    for (int c = g.warp(); c < channels; c += g.warps()) {
        float a = scale[g.first + c], b = shift[g.first + c];
        size_t start = g.start(c);
        for (int p = g.lane(); p < pixels; p += 32) {
            float n = (x[start + p] - mean) * inverse, z = n * a + b, dz = dy[start + p];
            if (with_silu) {
                float s = sigmoid(z);
                dz *= s * (1.0f + z * (1.0f - s));
            }
            dx[start + p] = inverse * (dz * a - plain - n * with_x);
        }
    }
}

// The number of a warp among all, and of a thread in its warp.
static __device__ size_t warp_number() { return ((size_t)blockIdx.x * blockDim.x + threadIdx.x) / 32; }
static __device__ unsigned lane_number() { return threadIdx.x % 32; }

// y += v for maps of `pixels` values, each with its value of v, which begins anew after `count` maps. A warp for each map.
extern "C" __global__ void add_bias(float *y, const float *v, size_t maps, unsigned pixels, size_t count) {
    size_t map = warp_number();
    if (map >= maps) return;
    float value = v[map % count];
    for (unsigned p = lane_number(); p < pixels; p += 32) y[map * pixels + p] += value;
}

// The sum of each map. A warp for each.
extern "C" __global__ void sum_maps(float *sums, const float *x, size_t maps, unsigned pixels) {
    size_t map = warp_number();
    if (map >= maps) return;
    float sum = 0.0f;
    for (unsigned p = lane_number(); p < pixels; p += 32) sum += x[map * pixels + p];
    sum = warp_sum(sum);
    if (lane_number() == 0) sums[map] = sum;
}

// y = the maps of x from number `first` of each image on, of the `of` that an image has there; `maps` in all, and `each` of each
// image. A warp for each map.
extern "C" __global__ void part(float *y, const float *x, size_t maps, unsigned pixels, unsigned each, unsigned first, unsigned of) {
    size_t map = warp_number();
    if (map >= maps) return;
    const float *from = x + (map / each * of + first + map % each) * pixels;
    for (unsigned p = lane_number(); p < pixels; p += 32) y[map * pixels + p] = from[p];
}

// y = the `first` maps of each image of x, and behind them the `second` maps of other. A warp for each of the `maps` maps of y.
extern "C" __global__ void join(float *y, const float *x, const float *other, size_t maps, unsigned pixels, unsigned first,
                                unsigned second) {
    size_t map = warp_number();
    if (map >= maps) return;
    size_t image = map / (first + second);
    unsigned number = map % (first + second);
    const float *from = number < first ? x + (image * first + number) * pixels : other + (image * second + number - first) * pixels;
    for (unsigned p = lane_number(); p < pixels; p += 32) y[map * pixels + p] = from[p];
}

// Every pixel of maps (h, w) up to four times in (height, width). A warp for each map.
extern "C" __global__ void upsample_forward(float *y, const float *x, size_t maps, unsigned height, unsigned width) {
    unsigned h = (height + 1) / 2, w = (width + 1) / 2, pixels = height * width;
    size_t map = warp_number();
    if (map >= maps) return;
    for (unsigned p = lane_number(); p < pixels; p += 32)
        y[map * pixels + p] = x[map * h * w + p / width / 2 * w + p % width / 2];
}

// The gradient of upsample_forward: for each pixel of x the sum over those that it became.
extern "C" __global__ void upsample_backward(float *dx, const float *dy, size_t maps, unsigned height, unsigned width) {
    unsigned h = (height + 1) / 2, w = (width + 1) / 2;
    size_t map = warp_number();
    if (map >= maps) return;
    for (unsigned p = lane_number(); p < h * w; p += 32) {
        unsigned row = p / w * 2, column = p % w * 2;
        const float *from = dy + (map * height + row) * width + column;
        bool right = column + 1 < width, below = row + 1 < height;
        float sum = from[0];
        if (right) sum += from[1];
        if (below) sum += from[width];
        if (right && below) sum += from[width + 1];
        dx[map * h * w + p] = sum;
    }
}

static __device__ float warp_max(float v) {
    for (int lane = 16; lane > 0; lane /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lane));
    return v;
}

// y = softmax(scale x) of each row. A warp for each row.
extern "C" __global__ void softmax_forward(float *y, const float *x, size_t rows, unsigned length, float scale) {
    size_t row = warp_number();
    if (row >= rows) return;
    float largest = -3.402823466e38f, sum = 0.0f;
    for (unsigned j = lane_number(); j < length; j += 32) largest = fmaxf(largest, x[row * length + j]);
    largest = warp_max(largest);
    for (unsigned j = lane_number(); j < length; j += 32) {
        float e = expf(scale * (x[row * length + j] - largest));
        y[row * length + j] = e;
        sum += e;
    }
    float inverse = 1.0f / warp_sum(sum);
    for (unsigned j = lane_number(); j < length; j += 32) y[row * length + j] *= inverse;
}

// The gradient of softmax_forward, from its result y: dx = scale y (dy - sum(y dy)).
extern "C" __global__ void softmax_backward(float *dx, const float *y, const float *dy, size_t rows, unsigned length, float scale) {
    size_t row = warp_number();
    if (row >= rows) return;
    float sum = 0.0f;
    for (unsigned j = lane_number(); j < length; j += 32) sum += y[row * length + j] * dy[row * length + j];
    sum = warp_sum(sum);
    for (unsigned j = lane_number(); j < length; j += 32)
        dx[row * length + j] = scale * y[row * length + j] * (dy[row * length + j] - sum);
}

static __device__ unsigned rotated(unsigned v, int bits) { return (v << bits) | (v >> (32 - bits)); }

static __device__ void quarter_round(unsigned *s, int a, int b, int c, int d) {
    s[a] += s[b]; s[d] = rotated(s[d] ^ s[a], 16);
    s[c] += s[d]; s[b] = rotated(s[b] ^ s[c], 12);
    s[a] += s[b]; s[d] = rotated(s[d] ^ s[a], 8);
    s[c] += s[d]; s[b] = rotated(s[b] ^ s[c], 7);
}

struct Key { unsigned words[8]; };

// Dropout: value number i of an image is left out where the 16-bit number i of ChaCha8 with this key and the stream
// `first_stream + image` is below `below`, as the host has it. Each thread draws for 32 values of an image, and the threads of a
// warp then go over all of theirs together, so that neighbours take neighbours.
extern "C" __global__ void drop(float *y, const float *x, Key key, unsigned long long first_stream, size_t images,
                                size_t per_image, unsigned below, float factor) {
    size_t blocks = (per_image + 31) / 32, index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    size_t image = index / blocks, block = index % blocks;
    unsigned long long stream = first_stream + image;
    unsigned first[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
    #pragma unroll
    for (int i = 0; i < 8; i++) first[4 + i] = key.words[i];
    first[12] = (unsigned)block;
    first[13] = (unsigned)(block >> 32);
    first[14] = (unsigned)stream;
    first[15] = (unsigned)(stream >> 32);
    unsigned s[16];
    for (int i = 0; i < 16; i++) s[i] = first[i];
    for (int round = 0; round < 4; round++) {
        quarter_round(s, 0, 4, 8, 12); quarter_round(s, 1, 5, 9, 13); quarter_round(s, 2, 6, 10, 14); quarter_round(s, 3, 7, 11, 15);
        quarter_round(s, 0, 5, 10, 15); quarter_round(s, 1, 6, 11, 12); quarter_round(s, 2, 7, 8, 13); quarter_round(s, 3, 4, 9, 14);
    }
    unsigned kept = 0;
#pragma unroll
    for (int i = 0; i < 32; i++) {
        unsigned bits = ((s[i / 2] + first[i / 2]) >> (i % 2 * 16)) & 0xffffu;
        kept |= (bits < below ? 0u : 1u) << i;
    }
    for (int i = 0; i < 32; i++) {
        size_t its_image = __shfl_sync(0xffffffffu, (unsigned long long)image, i);
        size_t value = __shfl_sync(0xffffffffu, (unsigned long long)block, i) * 32 + lane_number();
        unsigned its_kept = __shfl_sync(0xffffffffu, kept, i);
        if (its_image >= images || value >= per_image) continue;
        size_t at = its_image * per_image + value;
        y[at] = (its_kept >> lane_number()) & 1u ? factor * x[at] : 0.0f;
    }
}
