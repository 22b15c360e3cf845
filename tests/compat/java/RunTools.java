import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main methods of Kafka's command-line tools one after another in this process. Standard input: one run a
 * line, the class and its arguments separated by tabs. Standard output: per run `exit code`, then the lengths in bytes
 * of its standard output and standard error, then both.
 */
public class RunTools {
    /** Tools keep the streams they find at first, so the streams stay and their target changes. */
    static class Switch extends OutputStream {
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        @Override public synchronized void write(int b) { target.write(b); }
        @Override public synchronized void write(byte[] b, int at, int size) { target.write(b, at, size); }
        synchronized byte[] take() {
            byte[] bytes = target.toByteArray();
            target = new ByteArrayOutputStream();
            return bytes;
        }
    }

    static volatile CompletableFuture<Integer> exit;

    static int end(int code) {
        CompletableFuture<Integer> waiting = exit;
        waiting.complete(code);
        // Kafka's tools call exit inside try blocks that print every Throwable: nothing may be thrown here.
        try { Thread.sleep(Long.MAX_VALUE); } catch (InterruptedException ignored) { }
        return code;
    }

    public static void main(String[] args) throws Exception {
        PrintStream real = System.out;
        Switch out = new Switch(), err = new Switch();
        System.setOut(new PrintStream(out, true, "UTF-8"));
        System.setErr(new PrintStream(err, true, "UTF-8"));
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] words = line.split("\t", -1);
            CompletableFuture<Integer> done = new CompletableFuture<>();
            exit = done;
            Thread thread = new Thread(() -> {
                int code = 0;
                try {
                    Class.forName(words[0]).getMethod("main", String[].class)
                        .invoke(null, (Object) Arrays.copyOfRange(words, 1, words.length));
                } catch (java.lang.reflect.InvocationTargetException e) {
                    System.err.print("Exception in thread \"main\" ");
                    e.getCause().printStackTrace();
                    code = 1;
                } catch (ReflectiveOperationException e) {
                    code = 127;
                }
                done.complete(code);
            }, "main");
            thread.setDaemon(true);
            thread.start();
            int code = done.get();
            System.out.flush();
            System.err.flush();
            byte[] text = out.take(), errors = err.take();
            real.println(code + " " + text.length + " " + errors.length);
            real.write(text);
            real.write(errors);
            real.flush();
        }
        Runtime.getRuntime().halt(0);
    }
}
