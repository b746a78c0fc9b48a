using System.Diagnostics;
using Lguest.Jit.Perf.Versus;

namespace Lguest.Jit.Perf.Tests.Versus;

/// <summary>Time on processors, where the Host counts it: on Linux with schedstat.</summary>
public sealed class ProcessorTimeTests
{
    [Fact]
    public void Work_is_counted()
    {
        using Process self = Process.GetCurrentProcess();
        ProcessorTime? before = ProcessorTime.Read(self.Id);
        TimeSpan start = self.TotalProcessorTime;
        while (self.TotalProcessorTime - start < TimeSpan.FromMilliseconds(200))
        {
            self.Refresh();
        }

        ProcessorTime? after = ProcessorTime.Read(self.Id);
        Assert.Equal(before is null, after is null);

        // A thread of the test runner's that ends meanwhile leaves us without a figure, which is what is promised.
        if (before is not null && after!.Since(before) is { } seconds)
        {
            Assert.True(seconds > 0.1, $"{seconds} s");
        }
    }

    [Fact]
    public void Sleep_is_not()
    {
        using Process sleeper = Process.Start(new ProcessStartInfo("sleep", ["60"]))!;
        try
        {
            Thread.Sleep(200);
            if (ProcessorTime.Read(sleeper.Id) is { } before)
            {
                Thread.Sleep(500);
                Assert.InRange(ProcessorTime.Read(sleeper.Id)!.Since(before)!.Value, 0, 0.1);
            }
        }
        finally
        {
            sleeper.Kill();
            sleeper.WaitForExit();
        }
    }

    [Fact]
    public void A_process_that_is_gone_has_none()
    {
        using Process gone = Process.Start(new ProcessStartInfo("true"))!;
        gone.WaitForExit();
        Assert.Null(ProcessorTime.Read(gone.Id));
    }
}
