import java.io.File;
import java.io.IOException;

/** One call chain, main, alpha, beta, gamma, beta, gamma and so on, spin; makes the file that it is given when it is warm. */
public class Known {
    static final int DEPTH = 6;
    static volatile long sink;

    static long spin(long number) {
        for (int i = 0; i < 1600; i++) number = number * 6364136223846793005L + i;
        return number;
    }

    static long gamma(int depth, long a, double b, long c, long d, long e, long f, long g, double h) {
        return depth == 0 ? spin(a + g) + 1 : beta(depth - 1, a + 1, b) + c + d + e + f + (long) h;
    }

    static long beta(int depth, long a, double b) {
        return gamma(depth, a, b, a + 1, a + 2, a + 3, a + 4, a + 5, b + 1) + 1;
    }

    static long alpha(long number) {
        return beta(DEPTH, number, 0.5) + 1;
    }

    static long work(long nanoseconds) {
        long number = 0, end = System.nanoTime() + nanoseconds;
        while (nanoseconds == 0 || System.nanoTime() < end) {
            for (int i = 0; i < 1000; i++) number = alpha(number);
            sink = number;
        }
        return number;
    }

    public static void main(String[] arguments) throws IOException {
        work(3_000_000_000L);
        new File(arguments[0]).createNewFile();
        work(0);
    }
}
