import java.util.function.LongUnaryOperator;

/** The template of Replaced's classes: outer0000, middle0000, inner0000, and the spin of Replaced. */
public class Copy0000 implements LongUnaryOperator {
    static long inner0000(long number) {
        return Replaced.spin(number) + 1;
    }

    static long middle0000(long number) {
        return inner0000(number) + 1;
    }

    static long outer0000(long number) {
        for (int i = 0; i < 200; i++) number = middle0000(number);
        return number;
    }

    @Override
    public long applyAsLong(long number) {
        return outer0000(number);
    }
}
