/* The inner loop of the solver as one writes it in C: the same elements, the same Newton steps, one species on a
   lattice without interaction, exp() of the library. Baseline of bench_kernels.py; built there by gcc -O3 -march=native.

   Arrays of nodes have 5 entries per element; jump[e] is the step of y at the left end of element e. Returns the
   number of iterations, -1 where 60 of them do not converge. */
#include <math.h>

#define K00 7.0
#define K01 (-7.825770150880602672)
#define K02 (16.0 / 15.0)
#define K03 (-0.34089651578606399462)
#define K04 0.1
#define K11 12.703703703703703704
#define K12 (-5.8074074074074074074)
#define K13 1.2703703703703703704
#define K22 9.4814814814814814815

static const double W[5] = {1.0 / 20.0, 49.0 / 180.0, 16.0 / 45.0, 49.0 / 180.0, 1.0 / 20.0};

int newton(int n, double *restrict y, const double *restrict jump, const double *restrict size,
           const double *restrict eps, const double *restrict strength, const double *restrict theta_b,
           double *restrict a, double *restrict b, double *restrict m, double *restrict diagonal,
           double *restrict off, double *restrict rhs)
{
    for (int iteration = 1; iteration <= 60; iteration++) {
        for (int e = 0; e <= n; e++)
            diagonal[e] = rhs[e] = 0.0;
        for (int e = 0; e < n; e++) {
            const double g = size[e] * size[e] / eps[e], h = eps[e] / size[e];
            const double *v = y + 5 * e;
            double q[5], c[5];
            for (int i = 0; i < 5; i++) {
                const double t = theta_b[e], x = exp(-v[i]);
                const double theta = t * x / (1.0 - t + t * x);
                q[i] = strength[e] * (theta - t);
                c[i] = strength[e] * theta * (1.0 - theta);
            }
            const double u1 = v[1] - v[0], u2 = v[2] - v[0], u3 = v[3] - v[0], u4 = v[4] - v[0];
            const double f0 = K01 * u1 + K02 * u2 + K03 * u3 + K04 * u4 - g * W[0] * q[0];
            const double f1 = K11 * u1 + K12 * u2 + K13 * u3 + K03 * u4 - g * W[1] * q[1];
            const double f2 = K12 * u1 + K22 * u2 + K12 * u3 + K02 * u4 - g * W[2] * q[2];
            const double f3 = K13 * u1 + K12 * u2 + K11 * u3 + K01 * u4 - g * W[3] * q[3];
            const double f4 = K03 * u1 + K02 * u2 + K01 * u3 + K00 * u4 - g * W[4] * q[4];
            const double i1 = 1.0 / (K11 + g * W[1] * c[1]);
            const double l21 = K12 * i1, l31 = K13 * i1;
            const double i2 = 1.0 / (K22 + g * W[2] * c[2] - l21 * K12);
            const double e23 = K12 - l31 * K12, l32 = e23 * i2;
            const double i3 = 1.0 / (K11 + g * W[3] * c[3] - l31 * K13 - l32 * e23);
            const double right[3][3] = {{K01, K02, K03}, {K03, K02, K01}, {f1, f2, f3}};
            double x[3][3];
            for (int k = 0; k < 3; k++) {
                const double s2 = right[k][1] - l21 * right[k][0];
                const double s3 = right[k][2] - l31 * right[k][0] - l32 * s2;
                x[k][2] = s3 * i3;
                x[k][1] = s2 * i2 - l32 * x[k][2];
                x[k][0] = right[k][0] * i1 - l21 * x[k][1] - l31 * x[k][2];
            }
            for (int i = 0; i < 3; i++) {
                a[3 * e + i] = x[0][i];
                b[3 * e + i] = x[1][i];
                m[3 * e + i] = x[2][i];
            }
            diagonal[e] += h * (K00 + g * W[0] * c[0] - (K01 * x[0][0] + K02 * x[0][1] + K03 * x[0][2]));
            diagonal[e + 1] += h * (K00 + g * W[4] * c[4] - (K03 * x[1][0] + K02 * x[1][1] + K01 * x[1][2]));
            off[e] = h * (K04 - (K01 * x[1][0] + K02 * x[1][1] + K03 * x[1][2]));
            rhs[e] -= h * (f0 - (x[0][0] * f1 + x[0][1] * f2 + x[0][2] * f3));
            rhs[e + 1] -= h * (f4 - (x[1][0] * f1 + x[1][1] * f2 + x[1][2] * f3));
        }
        for (int e = 0; e < n; e++) {
            const double factor = off[e] / diagonal[e];
            diagonal[e + 1] -= factor * off[e];
            rhs[e + 1] -= factor * rhs[e];
        }
        rhs[n] /= diagonal[n];
        for (int e = n - 1; e >= 0; e--)
            rhs[e] = (rhs[e] - off[e] * rhs[e + 1]) / diagonal[e];
        double largest = 0.0;
        for (int e = 0; e < n; e++) {
            double step[5] = {rhs[e], 0.0, 0.0, 0.0, rhs[e + 1]};
            for (int i = 0; i < 3; i++)
                step[i + 1] = -m[3 * e + i] - a[3 * e + i] * rhs[e] - b[3 * e + i] * rhs[e + 1];
            for (int i = 0; i < 5; i++)
                largest = fmax(largest, fabs(step[i]));
        }
        const double fraction = largest <= 6.0 ? 1.0 : 6.0 / largest;
        for (int e = 0; e < n; e++) {
            double *v = y + 5 * e;
            v[0] += fraction * rhs[e];
            for (int i = 0; i < 3; i++)
                v[i + 1] += fraction * (-m[3 * e + i] - a[3 * e + i] * rhs[e] - b[3 * e + i] * rhs[e + 1]);
            v[4] += fraction * rhs[e + 1];
        }
        for (int e = 1; e < n; e++)
            y[5 * e] = y[5 * e - 1] + jump[e];
        if (largest <= 1e-8)
            return iteration;
    }
    return -1;
}
