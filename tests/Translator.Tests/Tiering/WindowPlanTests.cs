using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Tests.Tiering;

public sealed class WindowPlanTests
{
    private static readonly AccessClass s_a = new(Reg.Eax, Write: false);
    private static readonly AccessClass s_b = new(Reg.Ebx, Write: true);
    private static readonly AccessClass s_c = new(Reg.Ecx, Write: false);

    [Fact]
    public void BeginsWithOneForTheStackAndOneForAllElse()
    {
        Assert.Equal([0, 1, 1], [WindowPlan.Initial.Of(AccessClass.Stack), WindowPlan.Initial.Of(s_a), WindowPlan.Initial.Of(s_b)]);
        Assert.Equal(WindowPlan.None, WindowPlan.Shut.Of(s_a));
    }

    [Fact]
    public void SplitsUntilThereAreFour()
    {
        WindowPlan plan = WindowPlan.Initial.Split(s_a).Split(s_b).Split(s_c);
        Assert.Equal([2, 3, WindowPlan.None], [plan.Of(s_a), plan.Of(s_b), plan.Of(s_c)]);
        Assert.Equal(1, WindowPlan.Initial.Of(s_a));
    }

    [Fact]
    public void JoinsAnotherClassWhereThatIsNow()
    {
        WindowPlan plan = WindowPlan.Initial.Split(s_a).Join(s_b, s_a);
        Assert.Equal(2, plan.Of(s_b));
        Assert.True(plan.HasMoved(s_b));
        Assert.False(plan.HasMoved(s_c));
    }

    [Fact]
    public void WhatHasMovedCanBeScatteredStill()
    {
        WindowPlan plan = WindowPlan.Initial.Split(s_a).Scatter(s_a);
        Assert.Equal(WindowPlan.None, plan.Of(s_a));
        Assert.Equal(2, plan.Split(s_b).Of(s_b));
    }

    [Fact]
    public void IsGivenUpForGoodWhenTooMuchHasBeenTranslatedForIt()
    {
        WindowPlan plan = WindowPlan.Initial.Spend(100).Scatter(s_b).Spend(400);
        Assert.Equal([1, WindowPlan.None], [plan.Of(s_a), plan.Of(s_b)]);
        WindowPlan after = plan.Scatter(s_c).Spend(12);
        Assert.Equal([WindowPlan.None, WindowPlan.None], [after.Of(s_a), after.Of(AccessClass.Stack)]);

        // A region that has none as yet gets some when it loops; this one has had them.
        Assert.NotEqual(WindowPlan.Shut, after);
        Assert.NotEqual(WindowPlan.Shut, WindowPlan.Initial.Spend(1000));
    }
}
