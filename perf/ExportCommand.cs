using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf;

/// <summary>Writes the benchmark programs as files, for any emulator: an ELF for the lguest ABI and a multiboot one of each.</summary>
internal static class ExportCommand
{
    public static int Run(string directory, bool paging, int iterations)
    {
        Directory.CreateDirectory(directory);
        foreach (GuestProgram program in GuestPrograms.All)
        {
            Write(new LguestHarness(), "lguest");
            Write(new MultibootHarness(), "multiboot");
            Console.WriteLine($"{program.Name,-12} {iterations} × : {program.Checksum(iterations):x8}");

            void Write(ProgramHarness harness, string kind) =>
                File.WriteAllBytes(Path.Combine(directory, $"{program.Name}.{kind}"), ElfFile.Write(harness.Build(program, iterations, paging)));
        }

        return 0;
    }
}
