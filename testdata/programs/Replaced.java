import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongUnaryOperator;

/**
 * Code that the virtual machine frees and replaces again and again. Each class is a copy of Copy0000 with a number of its own in all its names,
 * lives for a moment, and is unloaded. The name of the thread has the same number. Makes the file that it is given when it is warm.
 */
public class Replaced {
    static final String NUMBER = "0000";
    static volatile long sink;

    static final class Loader extends ClassLoader {
        Class<?> define(byte[] bytes) {
            return defineClass(null, bytes, 0, bytes.length);
        }
    }

    public static long spin(long number) {
        for (int i = 0; i < 400; i++) number = number * 6364136223846793005L + i;
        return number;
    }

    /** The template with another number. */
    static byte[] copy(byte[] template, String number) {
        byte[] bytes = template.clone();
        for (int at = 0; at + 4 <= bytes.length; at++) {
            boolean same = true;
            for (int i = 0; i < 4; i++) same &= bytes[at + i] == NUMBER.charAt(i);
            for (int i = 0; same && i < 4; i++) bytes[at + i] = (byte) number.charAt(i);
        }
        return bytes;
    }

    static void work(byte[] template, File warm, long milliseconds) {
        try {
            for (int number = 1; ; number = number % 9999 + 1) {
                String digits = String.format("%04d", number);
                Class<?> type = new Loader().define(copy(template, digits));
                LongUnaryOperator code = (LongUnaryOperator) type.getDeclaredConstructor().newInstance();
                Thread.currentThread().setName("copy" + digits);
                long end = System.nanoTime() + milliseconds * 1_000_000;
                while (System.nanoTime() < end) sink = code.applyAsLong(sink);
                Thread.currentThread().setName("between");
                code = null;
                type = null;
                System.gc();
                if (number == 5) warm.createNewFile();
            }
        } catch (ReflectiveOperationException | IOException error) {
            throw new IllegalStateException(error);
        }
    }

    public static void main(String[] arguments) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        try (InputStream file = Replaced.class.getResourceAsStream("Copy" + NUMBER + ".class")) {
            for (int next = file.read(); next >= 0; next = file.read()) read.write(next);
        }
        byte[] template = read.toByteArray();
        long milliseconds = Long.parseLong(arguments[1]);
        new Thread(() -> work(template, new File(arguments[0]), milliseconds)).start();
    }
}
