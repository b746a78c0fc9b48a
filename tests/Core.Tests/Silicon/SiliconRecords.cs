using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>The recorded files, as they travel inside the test assembly.</summary>
internal static class SiliconRecords
{
    public static SiliconFile Load(string group)
    {
        using Stream stream = Open(group);
        return SiliconFile.Load(stream);
    }

    public static long SizeOf(string group)
    {
        using Stream stream = Open(group);
        return stream.Length;
    }

    private static Stream Open(string group) =>
        typeof(SiliconRecords).Assembly.GetManifestResourceStream($"silicon/{group}.bin")
        ?? throw new InvalidDataException($"Group '{group}' was never recorded: see tests/tooling/silicon/README.md.");
}
