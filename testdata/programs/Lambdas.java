import java.io.File;
import java.io.IOException;
import java.util.function.LongUnaryOperator;

/** Code whose classes the virtual machine makes: main, work, a hidden class, lambda$work$0, spin. Makes the file that it is given when it is warm. */
public class Lambdas {
    static volatile long sink;

    static long spin(long number) {
        for (int i = 0; i < 1600; i++) number = number * 6364136223846793005L + i;
        return number;
    }

    static long work(long nanoseconds) {
        long end = System.nanoTime() + nanoseconds;
        LongUnaryOperator step = number -> {
            long next = spin(number);
            return next + 1;
        };
        long number = 0;
        while (nanoseconds == 0 || System.nanoTime() < end) {
            number = step.applyAsLong(number);
            sink = number;
        }
        return number;
    }

    public static void main(String[] arguments) throws IOException {
        work(1_000_000_000L);
        new File(arguments[0]).createNewFile();
        work(0);
    }
}
