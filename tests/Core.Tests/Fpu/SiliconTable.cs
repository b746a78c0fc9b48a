namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>
/// What a real processor answered: the text files in <c>Fpu/Silicon</c>, recorded from random operands in all rounding and
/// precision modes, with masked and unmasked exceptions. Their second line explains the columns.
/// </summary>
internal static class SiliconTable
{
    public static IEnumerable<SiliconCase> Read(string name) =>
        File.ReadLines(Path.Combine(Folder(), name + ".txt")).Where(line => line[0] != '#').Select(SiliconCase.Parse);

    /// <summary>The sources lie above the binaries: no resource needs to be declared, and a diff shows in plain text.</summary>
    private static string Folder()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at != null; at = at.Parent)
        {
            foreach (string below in new[] { "Fpu/Silicon", "tests/Core.Tests/Fpu/Silicon" })
            {
                string folder = Path.Combine(at.FullName, below);
                if (Directory.Exists(folder))
                    return folder;
            }
        }
        throw new DirectoryNotFoundException("Fpu/Silicon lies nowhere above " + AppContext.BaseDirectory);
    }
}
