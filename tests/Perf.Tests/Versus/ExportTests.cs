using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>What makes the comparison one of the same thing.</summary>
public sealed class ExportTests
{
    private const int SegmentInFile = 0x1000;

    [Fact]
    public void For_both_kinds_of_machine_a_program_is_the_same_bytes_at_the_same_address()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory();
        try
        {
            Assert.Equal(0, ExportCommand.Run(directory.FullName, paging: true, iterations: 3));
            Assert.All(GuestPrograms.All, program =>
            {
                byte[] own = File.ReadAllBytes(Path.Combine(directory.FullName, $"{program.Name}.lguest"));
                byte[] other = File.ReadAllBytes(Path.Combine(directory.FullName, $"{program.Name}.multiboot"));
                const int ProgramEnd = (int)(SegmentInFile + ProgramLayout.Harness - ProgramLayout.Code);
                const int LoadAddress = 52 + 8;
                Assert.Equal(ProgramLayout.Code, BitConverter.ToUInt32(own, LoadAddress));
                Assert.Equal(ProgramLayout.Code, BitConverter.ToUInt32(other, LoadAddress));
                Assert.True(own.AsSpan(SegmentInFile..ProgramEnd).SequenceEqual(other.AsSpan(SegmentInFile..ProgramEnd)), program.Name);
            });
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
