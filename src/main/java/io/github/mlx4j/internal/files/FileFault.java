package io.github.mlx4j.internal.files;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Describes file errors in words, because the message of Java's exceptions is often only the path. */
public final class FileFault {

    private FileFault() {}

    /** Returns the file and what is wrong with it, without a full stop. */
    public static String of(IOException error) {
        if (!(error instanceof FileSystemException fault)) {
            return error.getMessage() == null ? error.toString() : error.getMessage();
        }
        String what = fault instanceof NoSuchFileException
                ? "no such file or folder"
                : fault instanceof AccessDeniedException
                        ? "permission denied"
                        : fault instanceof FileAlreadyExistsException
                                ? "it exists and is not a folder"
                                : fault instanceof NotDirectoryException
                                        ? "not a folder"
                                        : fault.getReason() == null
                                                ? fault.getClass().getSimpleName()
                                                : fault.getReason();
        return fault.getFile() + ": " + what;
    }
}
