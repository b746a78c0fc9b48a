namespace Lguest.Jit.Translator.Tests.Golden;

/// <summary>The listings kept in <c>tests/Translator.Tests/Golden/Listings</c>: read to compare, or written anew when asked.</summary>
internal static class GoldenFiles
{
    /// <summary>Said to whoever finds a difference.</summary>
    public const string Command = "LGUEST_JIT_GOLDEN=write dotnet test tests/Translator.Tests -c Release --filter Golden";

    private const int Context = 3;
    private const int Shown = 40;

    /// <summary>Write them anew instead of comparing?</summary>
    public static bool Writing { get; } = Environment.GetEnvironmentVariable("LGUEST_JIT_GOLDEN") == "write";

    /// <summary>The whole content, or null if there is no such file.</summary>
    public static string? Read(string name) => File.Exists(PathOf(name)) ? File.ReadAllText(PathOf(name)).ReplaceLineEndings("\n") : null;

    public static void Write(string name, string content)
    {
        Directory.CreateDirectory(Folder());
        File.WriteAllText(PathOf(name), content);
    }

    /// <summary>Compares with the file, or writes it.</summary>
    public static void Check(string name, string actual)
    {
        if (Writing)
        {
            Write(name, actual);
            return;
        }

        string? expected = Read(name);
        if (expected != actual)
        {
            Assert.Fail($"{name} is not what the translator makes now. Look whether that is what you want; then\n  {Command}\nand let the review see it.\n\n{Difference(expected ?? "", actual)}");
        }
    }

    /// <summary>The lines around the first difference, '-' as kept, '+' as made.</summary>
    internal static string Difference(string expected, string actual)
    {
        string[] old = expected.Split('\n');
        string[] made = actual.Split('\n');
        int from = 0;
        while (from < old.Length && from < made.Length && old[from] == made[from])
        {
            from++;
        }

        int same = 0;
        while (same < old.Length - from && same < made.Length - from && old[^(same + 1)] == made[^(same + 1)])
        {
            same++;
        }

        IEnumerable<string> lines =
        [
            .. old.Take(from).TakeLast(Context).Select(static l => "  " + l),
            .. old[from..^same].Select(static l => "- " + l).Take(Shown),
            .. made[from..^same].Select(static l => "+ " + l).Take(Shown),
        ];
        return $"line {from + 1}:\n{string.Join('\n', lines)}";
    }

    private static string PathOf(string name) => Path.Combine(Folder(), name);

    private static string Folder()
    {
        for (string? folder = AppContext.BaseDirectory; folder != null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Lguest.Jit.sln")))
            {
                return Path.Combine(folder, "tests", "Translator.Tests", "Golden", "Listings");
            }
        }

        throw new DirectoryNotFoundException("The tests are not run from inside the repository, where the listings are.");
    }
}
