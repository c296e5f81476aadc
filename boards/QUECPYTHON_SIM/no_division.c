// SPDX-License-Identifier: MIT
// Division of integers that ends the program where a module would divide big integers. Only the program
// micropython-nodiv has it: the linker leads these four functions here (mpconfigvariant.mk). MicroPython's own source
// stays as it is.
//
// MicroPython 1.13 divides big integers wrongly, and can loop for ever on some (its issue 6777). Code that never
// divides them is safe on every module; this program finds the code that does.

#include <stdio.h>
#include <stdlib.h>

#include "py/mpz.h"
#include "py/smallint.h"

#if MPZ_DIG_SIZE != 16
#error "a module's integers have digits of 16 bits"
#endif

// The small integers of a 32-bit MicroPython: all others are big ones there, whatever they are on this machine.
#define MODULE_SMALL_MAX ((mp_int_t)0x3fffffff)
#define MODULE_SMALL_MIN (-MODULE_SMALL_MAX - 1)

static void refuse(const char *what) {
    fprintf(stderr, "micropython-nodiv: %s: MicroPython 1.13 may give a wrong result, or never return\n", what);
    fflush(stderr);
    abort();
}

static void small(mp_int_t value) {
    if (value < MODULE_SMALL_MIN || value > MODULE_SMALL_MAX) {
        refuse("division of a big integer");
    }
}

void __wrap_mpz_divmod_inpl(mpz_t *quo, mpz_t *rem, const mpz_t *lhs, const mpz_t *rhs);
void __wrap_mpz_divmod_inpl(mpz_t *quo, mpz_t *rem, const mpz_t *lhs, const mpz_t *rhs) {
    refuse("division of a big integer");
}

// It divides inside for any operands; MicroPython 1.13 takes this way for small ones too.
void __wrap_mpz_pow3_inpl(mpz_t *dest, const mpz_t *lhs, const mpz_t *rhs, const mpz_t *mod);
void __wrap_mpz_pow3_inpl(mpz_t *dest, const mpz_t *lhs, const mpz_t *rhs, const mpz_t *mod) {
    refuse("pow() with a modulus");
}

mp_int_t __real_mp_small_int_floor_divide(mp_int_t num, mp_int_t denom);
mp_int_t __wrap_mp_small_int_floor_divide(mp_int_t num, mp_int_t denom);
mp_int_t __wrap_mp_small_int_floor_divide(mp_int_t num, mp_int_t denom) {
    small(num);
    small(denom);
    return __real_mp_small_int_floor_divide(num, denom);
}

mp_int_t __real_mp_small_int_modulo(mp_int_t dividend, mp_int_t divisor);
mp_int_t __wrap_mp_small_int_modulo(mp_int_t dividend, mp_int_t divisor);
mp_int_t __wrap_mp_small_int_modulo(mp_int_t dividend, mp_int_t divisor) {
    small(dividend);
    small(divisor);
    return __real_mp_small_int_modulo(dividend, divisor);
}
