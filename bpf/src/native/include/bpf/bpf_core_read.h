/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* In place of libbpf's: pointers are followed; behind a null pointer all is 0,
 * as what cannot be read. */
#ifndef BPF_CORE_READ_H
#define BPF_CORE_READ_H

#define CORE_READ_1(from, field)                                                                                       \
	({                                                                                                             \
		__typeof__(from) from_ = (from);                                                                       \
		__typeof__(from_->field) value_;                                                                       \
		__builtin_memset(&value_, 0, sizeof value_);                                                           \
		if (from_)                                                                                             \
			value_ = from_->field;                                                                         \
		value_;                                                                                                \
	})
#define CORE_READ_2(from, one, two) CORE_READ_1(CORE_READ_1(from, one), two)
#define CORE_READ_3(from, one, two, three) CORE_READ_1(CORE_READ_2(from, one, two), three)
#define CORE_READ_BY_COUNT(one, two, three, name, ...) name
#define BPF_CORE_READ(from, ...)                                                                                       \
	CORE_READ_BY_COUNT(__VA_ARGS__, CORE_READ_3, CORE_READ_2, CORE_READ_1, )                                       \
	(from, __VA_ARGS__)

#define bpf_core_field_exists(field) true
#define bpf_core_type_size(type) sizeof(type)

#endif
